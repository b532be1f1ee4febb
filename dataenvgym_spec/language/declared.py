"""What a component's JSON file declares, as a record.

Besides JSON Schema, options may carry keywords of ours, at any depth of `properties`: `x-refers` names another component
of the spec, `x-slot` holds one inline, `x-file` is a path. They are what the compiler knows of a component's options.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, Literal

from dataenvgym_spec.core.errors import MissingExtra, suggest
from dataenvgym_spec.language.packages import source_version

OptionPath = tuple[str, ...]
"""A path of keys inside of a component's options."""

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
"""What the definition of a component may declare that it reads.

Either the latest student (a check: its answers to the candidates), or splits as hashes. A component receives nothing that
it does not declare, and the proof of no leakage is about what it declares.
"""
REFERRED: Final[dict[str, OptionPath]] = {"source": ("task", "sources"), "teacher": ("teachers",)}
"""The slots whose components a spec gives names, and where: what `x-refers` can refer to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An option that stands for another component.

    Attributes:
        path: where the option is.
        slot: the slot of the other component.
        by: whether the option names one of the spec's components, or holds one.
        required: whether it cannot be left out.
    """

    path: OptionPath
    slot: str
    by: Literal["name", "value"]
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One component that a spec can name.

    Attributes:
        semantics: versions its results; None for a package that declares no number and is versioned by its source.
        schema: `properties` and `required` of its options.
        serves: what it works with: for `environment`, `task` or `backend` the values it can serve; left out means all.
        parts: the options that stand for other components.
        files: the paths of the options that name files.
        reads: what it receives besides what all of its slot do; one of `READS`.
        procedural: of a source: whether it makes new problems without end.
        promise: what running it again gives (see `kinds.Promise`), where it is not what its stage kind promises.
        standard: whether it is the one of its slot that holds where a spec names none.
        order: where it stands among the built-in ones of its slot.
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
    parts: tuple[Part, ...] = ()
    files: tuple[OptionPath, ...] = ()
    reads: str | None = None
    procedural: bool = False
    promise: str | None = None
    standard: bool = False
    order: int = 0
    distribution: str | None = None

    def version(self) -> int | str:
        """What enters keys: the declared number, or the hash of the package's source."""
        if self.semantics is not None:
            return self.semantics
        module = self.implementation.partition(":")[0]
        return source_version(module.partition(".")[0])

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


def declare(
    slot: str, kind: str, data: Mapping[str, Any], *, implementation: str, by: str | None = None
) -> Definition:
    """Reads the content of a component's JSON file.

    Args:
        slot: what the component is plugged into.
        kind: its name.
        data: the content.
        implementation: its class, as `module:Class`.
        by: the distribution that brings it; None for a built-in one.

    Raises:
        KeyError: something is missing.
        ValueError: something is not as it must be.
    """
    options = dict(data.get("properties", {}))
    if slot == "check":
        options = {"action": ACTION, **options}
    schema = {"properties": options, "required": list(data.get("required", []))}
    parts = tuple(_parts(schema))
    if slot == "engine" and not any(part.slot == "teacher" and part.required for part in parts):
        raise ValueError("an engine requires an option 'teacher'")
    return Definition(
        slot=slot,
        kind=kind,
        title=data["title"],
        description=data["description"],
        semantics=data.get("semantics") if by else data["semantics"],
        schema=schema,
        implementation=implementation,
        extra=data.get("extra"),
        packages=tuple(data.get("packages", ())),
        serves=_serves(data),
        parts=parts,
        files=tuple(path for path, option, _ in walk(schema) if "x-file" in option),
        reads=_reads(slot, data),
        procedural=bool(data.get("procedural", False)),
        promise=data.get("promise"),
        standard=bool(data.get("standard", False)),
        order=int(data.get("order", 0)),
        distribution=by,
    )


def walk(
    schema: Mapping[str, Any], path: OptionPath = (), *, needed: bool = True
) -> Iterator[tuple[OptionPath, Mapping[str, Any], bool]]:
    """The options of a schema at any depth of `properties`: path, schema, whether it cannot be left out."""
    required = schema.get("required", ())
    for name, option in schema.get("properties", {}).items():
        inner, stays = (*path, name), needed and name in required
        yield inner, option, stays
        yield from walk(option, inner, needed=stays)


def _parts(schema: Mapping[str, Any]) -> Iterator[Part]:
    for path, option, required in walk(schema):
        if "x-refers" in option:
            slot = option["x-refers"]
            if slot not in REFERRED:
                message = f"'x-refers' cannot be {json.dumps(slot)}"
                raise ValueError(f"{message}; {suggest(str(slot), REFERRED)}")
            yield Part(path=path, slot=slot, by="name", required=required)
        elif "x-slot" in option:
            yield Part(path=path, slot=option["x-slot"], by="value", required=required)


def _serves(data: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    serves = {key: tuple(values) for key, values in data.get("serves", {}).items()}
    if not all(serves.values()):
        raise ValueError("what it serves is left out, or names at least one value")
    return serves


def _reads(slot: str, data: Mapping[str, Any]) -> str | None:
    reads, allowed = data.get("reads"), READS.get(slot, ())
    if reads is None:
        return None
    if reads not in allowed:
        message = f"'reads' cannot be {json.dumps(reads)} for a {slot}"
        raise ValueError(f"{message}; {suggest(str(reads), allowed)}")
    return str(reads)
