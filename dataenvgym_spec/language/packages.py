"""Files of installed packages, found without importing them: definitions, and source to hash."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.folders import FolderFault, files_of
from dataenvgym_spec.core.hashing import digest, file_digest


def definition_path(module: str) -> Path:
    """The path of the JSON definition beside a module; only the top-level package is looked up.

    Looking up a module inside of a package would import the package.

    Raises:
        ValueError: the top-level package is not installed.
    """
    top, *inner = module.split(".")
    folder = _folder(top)
    if folder is None:
        raise ValueError(f"the module '{module}' is not installed")
    return folder.joinpath(*inner).with_suffix(".json") if inner else folder / f"{top}.json"


def read_definition(path: Path) -> dict[str, Any]:
    """The content of a package's definition.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no mapping in JSON, or its options are no JSON Schema.
    """
    from jsonschema import Draft7Validator, SchemaError

    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        options = content.get("properties", {})
        required = content.get("required", [])
        Draft7Validator.check_schema({"properties": options, "required": required})
    except (ValueError, AttributeError) as error:
        raise ValueError(f"'{path.name}' is no JSON mapping: {error}") from error
    except SchemaError as error:
        message = f"'properties' of '{path.name}' is no JSON Schema: {error.message}"
        raise ValueError(message) from error
    assert isinstance(content, dict)
    return content


def read_prompts(path: Path, content: Mapping[str, Any]) -> dict[str, str]:
    """The texts of the templates that a definition names (`prompts`), beside it or below.

    Raises:
        OSError: one cannot be read.
        ValueError: one is elsewhere.
    """
    texts = {}
    for name, inner in content.get("prompts", {}).items():
        file = path.parent / inner
        if not file.resolve().is_relative_to(path.parent.resolve()):
            raise ValueError(f"the template '{inner}' does not lie beside '{path.name}' or below")
        texts[name] = file.read_text(encoding="utf-8")
    return texts


@cache
def source_version(top: str) -> str:
    """The version of a package that declares none: the hash of all files that it is made of.

    Raises:
        UserError: they cannot be read.
    """
    folder = _folder(top)
    assert folder is not None
    try:
        contents = [[name, file_digest(path)] for name, path in _files(folder, top).items()]
    except (OSError, FolderFault) as error:
        message = f"the files of the package '{top}' cannot be read: {error}"
        raise UserError(message, help="install it anew") from error
    return f"source:{digest('source', contents)[:16]}"


def _files(folder: Path, top: str) -> dict[str, Path]:
    """The files of a package by name; of a module outside of any, those that are called like it.

    Such a module shares its folder with unrelated ones.
    """
    if (folder / "__init__.py").is_file():
        return files_of(folder)
    paths = sorted(path for path in folder.glob(f"{top}.*") if path.is_file())
    return {path.name: path for path in paths}


def _folder(top: str) -> Path | None:
    """The folder of a top-level package, or of a module outside of any package."""
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(spec.origin).parent
