"""The files that a spec names, read once each: what enters keys, and what is wrong with them. Where a spec names them is in `findings`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.core.hashing import file_digest
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.resolve.columns import Table, look
from dataenvgym_spec.resolve.extends import Family

BUILT_IN_TEMPLATES: Final = {"builtin:question": "{{ input }}\n"}
LARGEST_TEMPLATE: Final = 400_000
"""Bytes of a text that is parsed: a template, a model's configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that a spec names. The path only says where it lies.

    Attributes:
        content: what enters keys: a template's text; of a data file or directory `sha256:` and the digest.
        digest: SHA-256 of the file's bytes.
        path: relative to the repository; empty for a built-in template.
        is_data: whether stages read the file itself.
        rows: lines that are not empty, of a data file.
        table: of a data file, its columns; None if it is too large to be looked into.
        config: of a model's directory, what its `config.json` says; None if there is none that can be read.
    """

    content: str
    digest: str = ""
    path: str = ""
    is_data: bool = False
    rows: int | None = None
    table: Table | None = None
    config: dict[str, Any] | None = None


class Reader:
    """Reads the files that a spec names, once each, collecting what is wrong with them."""

    def __init__(self, family: Family, folder: Path, root: Path) -> None:
        self.folders, self.folder, self.root = family.folders, folder, root.resolve()
        self.found: list[Diagnostic] = []
        self._read: dict[tuple[Path, str, str], File] = {}

    def read(self, node: Node, form: str) -> File:
        """A file by the path at a node, which is relative to the file that the node is written in."""
        name, folder = str(node.value), self.folders.get(node.span.file, self.folder)
        if form == "template" and name.startswith("builtin:"):
            if name not in BUILT_IN_TEMPLATES:
                self._report(
                    node,
                    f"there is no built-in template '{name}'",
                    f"built in: {', '.join(BUILT_IN_TEMPLATES)}",
                )
            return File(content=BUILT_IN_TEMPLATES.get(name, ""))
        if (folder, name, form) in self._read:
            return self._read[folder, name, form]
        try:
            path = (folder / name).resolve()
            _usable(path, self.root, form)
            found = self._read[folder, name, form] = self._load(path, form)
            return found
        except (OSError, ValueError, RuntimeError) as error:
            words = {RuntimeError: "is a circle of links", UnicodeDecodeError: "is not UTF-8"}
            reason = words.get(type(error)) or getattr(error, "strerror", None) or str(error)
            self._report(
                node,
                f"the file '{name[:100]}' {reason}",
                "give a path relative to the spec, inside the repository",
            )
            return File(content="")

    def _load(self, path: Path, form: str) -> File:
        if form == "template" and path.stat().st_size > LARGEST_TEMPLATE:
            raise ValueError(f"is larger than {LARGEST_TEMPLATE} bytes")
        shown, digest = path.relative_to(self.root).as_posix(), file_digest(path)
        if form == "template":
            return File(content=path.read_text(encoding="utf-8"), digest=digest, path=shown)
        content = f"sha256:{digest}"
        if form == "directory":
            return File(
                content=content, digest=digest, path=shown, is_data=True, config=_config(path)
            )
        rows = sum(1 for line in path.open("rb") if line.strip())
        return File(
            content=content, digest=digest, path=shown, is_data=True, rows=rows, table=look(path)
        )

    def _report(self, node: Node, message: str, help: str) -> None:
        self.found.append(Diagnostic(code="E203", message=message, span=node.span, help=help))


def _usable(path: Path, root: Path, form: str) -> None:
    """Raises a ValueError that says why a resolved path cannot be used. Links are followed before anything is judged."""
    if not path.is_relative_to(root):
        raise ValueError("lies outside the repository")
    shown = path.relative_to(root).as_posix()
    if "${" in shown or not shown.isprintable():
        raise ValueError("has a name that DVC would not take as it is")
    if not path.exists():
        raise ValueError("does not exist")
    if path.is_dir() != (form == "directory"):
        raise ValueError("is a directory" if path.is_dir() else "is not a directory")
    if form != "directory" and not path.is_file():  # a pipe would be read for ever
        raise ValueError("is no ordinary file")


def _config(folder: Path) -> dict[str, Any] | None:
    path = folder / "config.json"
    try:
        content = (
            msgspec.json.decode(path.read_bytes())
            if path.is_file() and path.stat().st_size <= LARGEST_TEMPLATE
            else None
        )
    except (OSError, msgspec.DecodeError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
