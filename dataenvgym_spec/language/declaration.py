"""Reads the content of a component's JSON file as a definition, and checks what it declares."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar, get_args

from dataenvgym_spec.core.errors import suggest
from dataenvgym_spec.language.declared import (
    LAST,
    REFERRED,
    SLOTS,
    Definition,
    Limit,
    OptionPath,
    Part,
    Promise,
)

T = TypeVar("T", bound=str)

Schema = Mapping[str, Any]
Option = tuple[OptionPath, Schema, bool]
"""An option by its path, its schema, and whether it cannot be left out."""

ACTION: Final[dict[str, Any]] = {
    "type": "string",
    "enum": ["reject", "record", "off"],
    "default": "reject",
    "description": "Reject the example, only record the finding, or leave the check out.",
}
"""The option that every check has, declared by it or not."""
READS: Final[dict[str, tuple[str, ...]]] = {
    "environment": ("skills",),
    "policy": ("student", "pool", "pool-results"),
    "engine": ("student", "pool"),
    "teacher": ("student",),
    "check": ("student", "splits"),
}
"""What the definition of a component may declare that it reads.

Either the latest student (a check: its answers to the candidates; a teacher: that or the base, see
`x-student`), or the items of the pool, or these and its answers to them, or splits as hashes, or
the skills of the task. A component receives nothing that it does not declare, and the proof of no
leakage is about what it declares.
"""
PROMISES: Final[tuple[Promise, ...]] = get_args(Promise)
IGNORED: Final = ("space", "case", "layout")
"""What of a question may not count in a task; `records.items` says what each is."""
FIELDS: Final = ("images", "before", "tools")
"""What an item may have besides its question: images, earlier turns, tools that can be called."""
ANSWERS: Final = ("calls",)
"""What answers of a task may be besides texts: calls of tools."""
SKILLS: Final = ("groups",)
SUBSKILLS: Final = ("any", "variants")
REJECTS: Final = ("repeats",)
REHEARSED: Final[dict[str, type]] = {
    "kind": str,
    "options": dict,
    "target": str,
    "files": dict,
    "set": dict,
    "says": dict,
}
"""What a definition may say of a rehearsal; see `Definition`."""
MARKED: Final[dict[str, tuple[str, ...]]] = {
    "x-file": ("template", "data", "table", "whole", "directory", "skills"),
    "x-match": ("own", "other"),
    "x-shows": ("errors", "candidates"),
    "x-revision": ("model", "dataset"),
    "x-clusters": ("exactly", "at-least"),
}
"""What a mark of an option may say."""
VALUES: Final = ("const", "default", "enum", "examples")
"""Keywords of JSON Schema whose values are values, not schemas."""
OBSERVED: Final = ("errors", "scores", "yield")
"""What an arm may observe of its student."""
TAKES: Final = ("procedural", "language-model", "variants", "ready", "rows")
"""What an option can ask of the component it names or holds.

That it is procedural, that it is not, that it has variants of its groups, that it exists, or that
it has rows with columns."""


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
    marks = _marks(schema)
    return Definition(
        slot=slot,
        kind=kind,
        title=_text("title", data),
        description=_text("description", data),
        semantics=data.get("semantics") if by else data["semantics"],
        schema=schema,
        implementation=implementation,
        extra=data.get("extra"),
        cpu_extra=data.get("cpu_extra"),
        packages=tuple(data.get("packages", ())),
        serves=_serves(data),
        parts=parts,
        files=tuple(marks.get("x-file", ())),
        marks=marks,
        limits=tuple(map(_limit, data.get("limits", ()))),
        reads=_reads(slot, data),
        procedural=bool(data.get("procedural", False)),
        selects=bool(data.get("selects", False)),
        variants=bool(data.get("variants", False)),
        ready=bool(data.get("ready", False)),
        device=bool(data.get("device", False)),
        kept=tuple(data["kept"]) if "kept" in data else None,
        judges=bool(data.get("judges", False)),
        adapts=data.get("adapts", False),
        divides=data.get("divides", False),
        recalls=bool(data.get("recalls", False)),
        idles=bool(data.get("idles", False)),
        several=bool(data.get("several", False)),
        verifier=bool(data.get("verifier", False)),
        unverified=bool(data.get("unverified", False)),
        executes=bool(data.get("executes", False)),
        bare=bool(data.get("bare", False)),
        skills=_one_of("skills", data, SKILLS),
        subskills=_one_of("subskills", data, SUBSKILLS),
        identifies=bool(data.get("identifies", False)),
        shapes=bool(data.get("shapes", False)),
        answers=_one_of("answers", data, ANSWERS),
        ignores=_ignores(slot, data),
        prompts=dict(data.get("prompts", {})),
        shows=_fields("shows", data),
        carries=_fields("carries", data),
        rejects=_one_of("rejects", data, REJECTS),
        promise=_one_of("promise", data, PROMISES),
        rehearsal=_rehearsal(data),
        standard=bool(data.get("standard", False)),
        # What is installed follows what is built in, by name.
        order=LAST if by else int(data.get("order", LAST)),
        distribution=by,
    )


def options_of(schema: Schema, path: OptionPath = (), *, needed: bool = True) -> Iterator[Option]:
    """The options of a schema, at any depth of `properties`."""
    required = schema.get("required", ())
    for name, option in schema.get("properties", {}).items():
        inner, is_needed = (*path, name), needed and name in required
        yield inner, option, is_needed
        yield from options_of(option, inner, needed=is_needed)


def _parts(schema: Schema) -> Iterator[Part]:
    for path, option, required in options_of(schema):
        takes = option.get("x-takes")
        if takes is not None:
            _allow("x-takes", takes, TAKES)
        if "x-refers" in option:
            slot = option["x-refers"]
            _allow("x-refers", slot, tuple(REFERRED))
            yield Part(path=path, slot=slot, by="name", required=required, takes=takes)
        elif "x-slot" in option:
            _allow("x-slot", option["x-slot"], SLOTS)
            slot = option["x-slot"]
            yield Part(path=path, slot=slot, by="value", required=required, takes=takes)


def _marks(schema: Schema) -> dict[str, dict[OptionPath, Any]]:
    marks: dict[str, dict[OptionPath, Any]] = {}
    for path, option, _ in options_of(schema):
        _check_alternatives(path, option)
        for keyword, value in option.items():
            if keyword in MARKED:
                _allow(keyword, value, MARKED[keyword])
            if keyword == "x-needs":
                _check_needs(path, option)
            if keyword == "x-circumstance" and (value is not True or len(path) > 1):
                raise ValueError(
                    f"'x-circumstance' of '{'.'.join(path)}' is true, of no inner option"
                )
            if keyword == "x-recipe":
                _check_recipe(path, option)
            if keyword.startswith("x-"):
                marks.setdefault(keyword, {})[path] = value
    return marks


def _check_alternatives(path: OptionPath, option: Schema) -> None:
    """Refuses a keyword of ours where none is looked for: in one of several forms of a value."""
    own = (*VALUES, "properties")
    others = [value for key, value in option.items() if key not in own and key[:2] != "x-"]
    for keyword in _keys(others):
        if keyword.startswith("x-") and keyword != "x-list":
            message = f"'{keyword}' of '{'.'.join(path)}' stands below another keyword"
            raise ValueError(
                f"{message}: it belongs to the option itself, or to one of `properties`"
            )


def _keys(schema: Any) -> Iterator[str]:
    """The keywords of schemas at any depth."""
    if isinstance(schema, list):
        for part in schema:
            yield from _keys(part)
    elif isinstance(schema, Mapping):
        for keyword, value in schema.items():
            yield keyword
            if keyword not in VALUES:
                yield from _keys(value)


def _check_needs(path: OptionPath, option: Schema) -> None:
    for observed in option["x-needs"]:
        _allow("x-needs", observed, OBSERVED)
    if len(path) > 1 or "default" not in option:
        # A class is constructed with the default where the option is in no key.
        raise ValueError(f"'x-needs' of '{'.'.join(path)}' needs a default, and no outer option")


def _check_recipe(path: OptionPath, option: Schema) -> None:
    inner = {".".join(name) for name, _, _ in options_of(option)}
    for name in map(".".join, option["x-recipe"]):
        if name not in inner:
            message = f"'x-recipe' of '{'.'.join(path)}' names '{name}'"
            raise ValueError(f"{message}; {suggest(name, inner)}")


def _text(keyword: str, data: Mapping[str, Any]) -> str:
    value = data[keyword]
    if not isinstance(value, str):
        raise ValueError(f"'{keyword}' is a text, not {json.dumps(value)}")
    return value


def _limit(limit: Mapping[str, Any]) -> Limit:
    return Limit(
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


def _one_of(keyword: str, data: Mapping[str, Any], allowed: tuple[T, ...]) -> T | None:
    value = data.get(keyword)
    if value is None:
        return None
    _allow(keyword, value, allowed)
    return next(item for item in allowed if item == value)


def _ignores(slot: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    """What of a question does not count in a task."""
    if slot != "task":
        return ()
    if data.get("properties"):
        raise ValueError("a task has no options")
    ignored = tuple(data["ignores"])
    for name in ignored:
        _allow("ignores", name, IGNORED)
    return ignored


def _fields(keyword: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    names = tuple(data.get(keyword, ()))
    for name in names:
        _allow(keyword, name, FIELDS)
    return names


def _rehearsal(data: Mapping[str, Any]) -> dict[str, Any]:
    said = dict(data.get("rehearsal", {}))
    for keyword, value in said.items():
        _allow("rehearsal", keyword, tuple(REHEARSED))
        if not isinstance(value, REHEARSED[keyword]):
            raise ValueError(f"'{keyword}' of 'rehearsal' cannot be {json.dumps(value)}")
    return said


def _reads(slot: str, data: Mapping[str, Any]) -> str | None:
    reads, allowed = data.get("reads"), READS.get(slot, ())
    if reads is None:
        return None
    if reads not in allowed:
        message = f"'reads' cannot be {json.dumps(reads)} in the slot '{slot}'"
        raise ValueError(f"{message}; {suggest(str(reads), allowed)}")
    return str(reads)


def _allow(keyword: str, value: Any, allowed: Sequence[str]) -> None:
    if value not in allowed:
        message = f"'{keyword}' cannot be {json.dumps(value)}"
        raise ValueError(f"{message}; {suggest(str(value), allowed)}")
