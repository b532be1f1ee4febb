"""What a component's JSON file declares, as a record.

The compiler knows no option of a component by name. What it has to know is declared, by keywords beside those of JSON
Schema, at any depth of `properties`:

    x-refers     names a component of the spec: a "source" or a "teacher"; x-takes: which ("procedural", "language-model")
    x-slot       holds a component of a slot
    x-file       a path: of a "template", of "data", or of a "directory"
    x-revision   a revision of a "model" or a "dataset" of the hub, beside its `id`
    x-groups     of a source: a mapping whose keys are its groups; how messages call one, many, and their items
    x-sizes      beside it: how many items a group has at most, by formulas (see compile/rules/capacity.py)
    x-clusters-by beside it: the key of a group by which groups that are equal in it share clusters
    x-groups-of  a mapping whose keys are groups of the source that another option names, given by its path
    x-column     of a source with rows: the column that holds the "input", "target", "group" or "cluster" of an item
    x-splits     of a check that reads splits: which
    x-recipe     of a model: the training that makes the base student
    x-measure    a number that limits are about: "width", "heads", "head", "positions", "rank"
    x-measures   beside x-file: the same, by the keys of the model's configuration in that directory

`limits` of a component bound measures of an arm: `most`, `one_of` or `multiple_of`, with message and help.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
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
TAKES: Final = ("procedural", "language-model")
"""What an option can ask of the component it names: that it is procedural, or that it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An option that stands for another component.

    Attributes:
        path: where the option is.
        slot: the slot of the other component.
        by: whether the option names one of the spec's components, or holds one.
        required: whether it cannot be left out.
        takes: what the other component has to be; any if None.
    """

    path: OptionPath
    slot: str
    by: Literal["name", "value"]
    required: bool = False
    takes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A bound on a measure of an arm. A text in place of a number is another measure.

    Attributes:
        measure: what is bounded.
        most: its largest value.
        one_of: its allowed values.
        multiple_of: the factors of what it is a multiple of.
        message: what is wrong; the measures and the bound stand in braces.
        help: what to do about it.
    """

    measure: str
    message: str
    help: str
    most: int | str | None = None
    one_of: tuple[int, ...] = ()
    multiple_of: tuple[int | str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One component that a spec can name.

    Attributes:
        semantics: versions its results; None for a package that declares no number and is versioned by its source.
        schema: `properties` and `required` of its options.
        serves: what it works with: for `environment`, `task` or `backend` the values it can serve; left out means all.
        parts: the options that stand for other components.
        files: the paths of the options that name files.
        marks: the options that carry a keyword of ours: path and value, by keyword.
        limits: bounds on what it works with.
        reads: what it receives besides what all of its slot do; one of `READS`.
        procedural: of a source or a teacher: whether it makes new problems without end.
        skills: of a discovery: "groups" if its skills are the groups of the source.
        rejects: of a check: "repeats" if accepted examples are distinct because of it.
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
    marks: dict[str, dict[OptionPath, Any]] = field(default_factory=dict)
    limits: tuple[Limit, ...] = ()
    reads: str | None = None
    procedural: bool = False
    skills: str | None = None
    rejects: str | None = None
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

    def marked(self, keyword: str) -> dict[OptionPath, Any]:
        """The options that carry a keyword of ours: path and value."""
        return self.marks.get(keyword, {})

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
        marks=_marks(schema),
        limits=tuple(_limits(data)),
        reads=_reads(slot, data),
        procedural=bool(data.get("procedural", False)),
        skills=data.get("skills"),
        rejects=data.get("rejects"),
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
            takes = option.get("x-takes")
            if takes not in (None, *TAKES):
                message = f"'x-takes' cannot be {json.dumps(takes)}"
                raise ValueError(f"{message}; {suggest(str(takes), TAKES)}")
            yield Part(path=path, slot=slot, by="name", required=required, takes=takes)
        elif "x-slot" in option:
            yield Part(path=path, slot=option["x-slot"], by="value", required=required)


def _marks(schema: Mapping[str, Any]) -> dict[str, dict[OptionPath, Any]]:
    marks: dict[str, dict[OptionPath, Any]] = {}
    for path, option, _ in walk(schema):
        for keyword, value in option.items():
            if keyword.startswith("x-"):
                marks.setdefault(keyword, {})[path] = value
    return marks


def _limits(data: Mapping[str, Any]) -> Iterator[Limit]:
    for limit in data.get("limits", ()):
        yield Limit(
            measure=limit["measure"],
            message=limit["message"],
            help=limit["help"],
            most=limit.get("most"),
            one_of=tuple(limit.get("one_of", ())),
            multiple_of=tuple(limit.get("multiple_of", ())),
        )


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
