"""What a spec can name: the table of component definitions. Reads JSON only; imports no component.

A definition says which options a component takes (JSON Schema), how its results are versioned (`semantics`), which
extra it needs and where its class lives. The file lies beside the module it describes. An installed package adds components
through the entry-point group `dataenvgym_spec.components`: `policy.greedy = "package.module:Class"` names a class, and
`package/module.json` beside it is its definition.
"""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.errors import MissingExtra, UserError, suggest
from dataenvgym_spec.core.hashing import digest, file_digest

GROUP: Final = "dataenvgym_spec.components"
BUILT_IN: Final[dict[str, dict[str, str]]] = {
    "source": {
        "reasoning-gym": "gym/tasks/sources/reasoning_gym.json",
        "jsonl": "gym/tasks/sources/jsonl.json",
        "hub": "gym/tasks/sources/hub.json",
    },
    "scorer": {
        "reasoning-gym": "gym/tasks/scorers/reasoning_gym.json",
        "exact-match": "gym/tasks/scorers/exact_match.json",
        "math-verify": "gym/tasks/scorers/math_verify.json",
    },
    "model": {
        "scratch": "gym/students/models/scratch.json",
        "path": "gym/students/models/path.json",
        "hub": "gym/students/models/hub.json",
    },
    "adapter": {"lora": "gym/students/adapters/lora.json"},
    "discovery": {"gold": "gym/skills/gold.json"},
    "policy": {"allocate": "gym/policies/allocate.json"},
    "teacher": {"procedural": "gym/teachers/procedural.json"},
    "engine": {"procedural": "gym/engines/procedural.json"},
    "check": {
        "scorable": "gym/checks/scorable.json",
        "duplicate": "gym/checks/duplicate.json",
        "overlap": "gym/checks/overlap.json",
        "known": "gym/checks/known.json",
    },
}
ACTION: Final[dict[str, Any]] = {
    "type": "string",
    "enum": ["reject", "record", "off"],
    "default": "reject",
    "description": "Reject the example, only record the finding, or leave the check out.",
}
"""The option that every check has, declared by it or not."""
READS: Final[dict[str, tuple[str, ...]]] = {
    "policy": ("student",),
    "engine": ("student",),
    "check": ("student", "splits"),
}
"""What the definition of a component may declare that it reads: the latest student (a check: its answers to the candidates), or
splits as hashes. It is handed nothing that it does not declare, and the proof of no leakage is about what it declares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One component that a spec can name.

    Attributes:
        semantics: versions its results; None for a package that declares no number and is versioned by its source.
        serves: what it works with: for `environment`, `task` or `backend` the values it can serve; left out means all.
        reads: what it is handed besides what all of its slot are; one of `READS`.
        procedural: of a source: whether it makes new problems without end.
        promise: what running it again gives (see `kinds.Promise`), where it is not what its stage kind promises.
        distribution: the package that brings it; None for a built-in one.
    """

    slot: str
    kind: str
    title: str
    description: str
    semantics: int | None
    schema: dict[str, Any]
    implementation: str
    extra: str | None
    packages: tuple[str, ...]
    serves: dict[str, tuple[str, ...]]
    reads: str | None = None
    procedural: bool = False
    promise: str | None = None
    distribution: str | None = None

    def version(self) -> int | str:
        """What enters keys: the declared number, or the hash of the package's source."""
        return (
            self.semantics
            if self.semantics is not None
            else _source_version(self.implementation.partition(".")[0].partition(":")[0])
        )

    def release(self) -> str:
        """The release of the distribution that brings it; empty if it is not installed as one."""
        try:
            return version(self.distribution or "dataenvgym-spec")
        except PackageNotFoundError:
            return ""

    def load(self) -> Any:
        """Imports and returns the component's class.

        Raises:
            MissingExtra: a package it needs is not installed.
        """
        module, _, name = self.implementation.partition(":")
        for package in self.packages:
            if importlib.util.find_spec(package) is None:
                raise MissingExtra(package, self.extra or "all", f"the {self.slot} '{self.kind}'")
        return getattr(importlib.import_module(module), name)


def make(slot: str, options: dict[str, Any], **more: Any) -> Any:
    """An instance of a component.

    Args:
        slot: what it is plugged into.
        options: its resolved options with `kind` and `semantics`.
        more: arguments that do not come from the spec.

    Raises:
        MissingExtra: a package it needs is not installed.
        UserError: the stage was compiled for another version of the component.
    """
    item = definition(slot, options["kind"])
    if options.get("semantics", item.version()) != item.version():
        message = f"this stage was compiled for version {options['semantics']} of the {slot} '{item.kind}', but version {item.version()} is installed"
        raise UserError(
            message, help="run: dataenvgym compile   (or install the version it was compiled for)"
        )
    arguments = {key: value for key, value in options.items() if key not in ("kind", "semantics")}
    return item.load()(**arguments, **more)


@cache
def definitions() -> dict[str, dict[str, Definition]]:
    """All definitions, by slot and kind: the built-in ones, then those of installed packages by name.

    Raises:
        UserError: an installed package registers a component in a way that cannot be used.
    """
    root = files("dataenvgym_spec")
    out = {
        slot: {
            kind: _read(slot, kind, json.loads((root / path).read_text(encoding="utf-8")))
            for kind, path in kinds.items()
        }
        for slot, kinds in BUILT_IN.items()
    }
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        item = _installed(point)
        other = out[item.slot].get(item.kind)
        if other is not None:
            raise UserError(
                f"'{item.distribution}' registers the {item.slot} '{item.kind}', which {other.distribution or 'dataenvgym-spec'} has",
                help=f"uninstall one of them: pip uninstall {item.distribution}",
            )
        out[item.slot][item.kind] = item
    return out


def definition(slot: str, kind: str) -> Definition:
    """The definition of one component.

    Raises:
        UserError: there is none; the package that brought it may be missing here.
    """
    known = definitions()[slot]
    if kind not in known:
        raise UserError(
            f"there is no {slot} '{kind}' in this environment",
            help=f"install the package that has it; {suggest(kind, known)}",
        )
    return known[kind]


def _installed(point: EntryPoint) -> Definition:
    """Reads the definition of an entry point without importing its package.

    Raises:
        UserError: its name is no `slot.kind`, or the definition is missing or wrong.
    """
    slot, _, kind = point.name.partition(".")
    package = point.dist.name if point.dist else point.module
    try:
        if slot not in BUILT_IN or not kind:
            raise ValueError(
                f"a component is called slot.kind, and slot is one of {', '.join(BUILT_IN)}"
            )
        path = _beside(point.module)
        return _read(
            slot, kind, _content(path), implementation=f"{point.module}:{point.attr}", by=package
        )
    except FileNotFoundError as error:
        reason = f"its definition '{path.name}' is missing; it must lie beside '{point.module}'"
        raise UserError(
            f"the component '{point.name}' of '{package}' cannot be read: {reason}",
            help=f"update or uninstall '{package}'",
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"its definition lacks {error}" if isinstance(error, KeyError) else str(error)
        raise UserError(
            f"the component '{point.name}' of '{package}' cannot be read: {reason}",
            help=f"update or uninstall '{package}'",
        ) from error


def _content(path: Path) -> dict[str, Any]:
    """A definition of an installed package.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no mapping in JSON, or its options are no JSON Schema.
    """
    from jsonschema import Draft7Validator, SchemaError

    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        Draft7Validator.check_schema(
            {"properties": content.get("properties", {}), "required": content.get("required", [])}
        )
    except (ValueError, AttributeError) as error:
        raise ValueError(f"'{path.name}' is no JSON mapping: {error}") from error
    except SchemaError as error:
        raise ValueError(
            f"'properties' of '{path.name}' is no JSON Schema: {error.message}"
        ) from error
    assert isinstance(content, dict)
    return content


def _beside(module: str) -> Path:
    """Where the definition of a module lies. Only the top-level package is looked up: looking up more would import it."""
    top, *inner = module.split(".")
    folder = _folder(top)
    if folder is None:
        raise ValueError(f"the module '{module}' is not installed")
    return folder.joinpath(*inner).with_suffix(".json") if inner else folder / f"{top}.json"


def _folder(top: str) -> Path | None:
    """The folder of a top-level package, or the one a single module lies in."""
    found = importlib.util.find_spec(top)
    if found is None or found.origin is None:
        return None
    return (
        Path(next(iter(found.submodule_search_locations)))
        if found.submodule_search_locations
        else Path(found.origin).parent
    )


@cache
def _source_version(top: str) -> str:
    folder = _folder(top)
    assert folder is not None
    # A module that is no package lies among others, which are none of its business.
    found = folder.rglob("*") if (folder / "__init__.py").is_file() else folder.glob(f"{top}.*")
    paths = sorted(path for path in found if path.suffix in (".py", ".json"))
    return f"source:{digest('source', [[path.relative_to(folder).as_posix(), file_digest(path)] for path in paths])[:16]}"


def _read(
    slot: str,
    kind: str,
    data: dict[str, Any],
    *,
    implementation: str | None = None,
    by: str | None = None,
) -> Definition:
    options = {**({"action": ACTION} if slot == "check" else {}), **data.get("properties", {})}
    if slot == "engine" and "teacher" not in data.get("required", []):
        raise ValueError("an engine requires an option 'teacher'")
    if not all(data.get("serves", {"": True}).values()):
        raise ValueError("what it serves is left out, or names at least one value")
    reads = data.get("reads")
    if reads is not None and reads not in READS.get(slot, ()):
        raise ValueError(
            f"'reads' cannot be {json.dumps(reads)} for a {slot}; {suggest(str(reads), READS.get(slot, ()))}"
        )
    return Definition(
        slot=slot,
        kind=kind,
        title=data["title"],
        description=data["description"],
        semantics=data.get("semantics") if by else data["semantics"],
        schema={"properties": options, "required": data.get("required", [])},
        implementation=implementation or data["implementation"],
        extra=data.get("extra"),
        packages=tuple(data.get("packages", ())),
        serves={key: tuple(values) for key, values in data.get("serves", {}).items()},
        reads=reads,
        procedural=bool(data.get("procedural", False)),
        promise=data.get("promise"),
        distribution=by,
    )
