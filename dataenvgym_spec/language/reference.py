"""The language reference, `docs/language.md`: every key with its type, default, bounds and meaning, as Markdown.

Generated from the schema and the components' definitions, so it cannot disagree with what is checked; components of installed
packages are in it as well. What no schema can say is in the template `language.md` beside this file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.language.declared import Definition
from dataenvgym_spec.language.schema import ARM_KEYS, Schema, experiment_schema

TEMPLATE: Final = Path(__file__).with_name("language.md")
MARK: Final = "<!-- keys -->\n"
NAMES: Final = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "`true` or `false`",
    "array": "list",
    "object": "mapping",
}
TOGETHER: Final = ("extends", "arms", "matrix")
"""How specs are put together; told last, and in words rather than by keys."""
SLOT_TITLES: Final = {"discovery": "skill discovery"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One row: a key by its path, and what may stand there."""

    path: str
    type: str
    default: str
    meaning: str


def reference() -> str:
    """The whole page."""
    text = TEMPLATE.read_text(encoding="utf-8")
    return text.replace(MARK, "\n".join([*_language(), *_components()]) + "\n")


def keys(schema: Schema, path: str = "", *, default: str = "") -> Iterator[Key]:
    """The keys inside of a schema, in the order they are declared; those of components are not among them.

    >>> [key.path for key in keys({"properties": {"a": {"type": "object", "properties": {"b": {"type": "integer"}}}}})]
    ['a', 'a.b']
    """
    whole = _whole(schema)
    required = dict.fromkeys(whole.get("required", ()), "required") | dict.fromkeys(
        whole.get("else", {}).get("required", ()), "required, but for `same_as`"
    )
    for name, part in whole.get("properties", {}).items():
        yield from _key(part, f"{path}.{name}" if path else name, required.get(name, default))


def _key(part: Schema, path: str, required: str) -> Iterator[Key]:
    whole = _whole(part)
    yield Key(
        path=path, type=_type(part), default=required or _default(whole), meaning=_meaning(whole)
    )
    if _slot(part):
        return
    for option in [whole, *map(_whole, whole.get("anyOf", ()))]:
        yield from keys(option, path)
        yield from keys(option.get("items", {}), f"{path}[]")
    named = whole.get("additionalProperties")
    if (
        isinstance(named, dict)
        and not _slot(named)
        and _whole(named).get("properties")
        and "arm" not in str(named.get("$ref"))
    ):
        yield from keys(named, f"{path}.NAME")


def _whole(part: Schema) -> Schema:
    """A schema with what it refers to; what is written beside a reference wins."""
    references = (
        [part["$ref"]]
        if "$ref" in part
        else [item["$ref"] for item in part.get("allOf", ()) if "$ref" in item]
    )
    out = dict(part)
    for reference in references:
        out = {**experiment_schema()["definitions"][reference.rsplit("/", 1)[1]], **out}
    return out


def _slot(part: Schema) -> str:
    """The slot of components that a schema refers to."""
    name = str(part.get("$ref", "")).rsplit("/", 1)[-1]
    return name if name in definitions() else ""


def _type(part: Schema) -> str:
    if slot := _slot(part):
        title = _title(slot)
        return (
            f"[checks](#{_anchor(slot)})"
            if slot == "check"
            else f"{'an' if title[0] in 'aeio' else 'a'} [{title}](#{_anchor(slot)})"
        )
    whole = _whole(part)
    if "x-list" in whole:
        return f"one of {whole['x-list']}"
    if "enum" in whole:
        return " or ".join(f"`{item}`" for item in whole["enum"])
    if "anyOf" in whole:
        return " or ".join(dict.fromkeys(_type(option) for option in whole["anyOf"]))
    if whole.get("type") == "array":
        return (f"list of {_type(whole['items'])}" if "items" in whole else "list") + _bounds(whole)
    named = whole.get("additionalProperties")
    if isinstance(named, dict):
        return (
            "mapping of names to arms"
            if "arm" in str(named.get("$ref"))
            else f"mapping of names to {_type(named).removeprefix('an ').removeprefix('a ')}"
        )
    return NAMES.get(str(whole.get("type")), str(whole.get("type", "any value"))) + _bounds(whole)


def _bounds(schema: Schema) -> str:
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    said = [
        *(
            [f"at least {low}"]
            if low is not None
            else [f"more than {above}"]
            if above is not None
            else []
        ),
        *(
            [f"at most {high}"]
            if high is not None
            else [f"less than {below}"]
            if below is not None
            else []
        ),
        *([f"at most {schema['maxLength']} characters"] if "maxLength" in schema else []),
        *([f"at least {schema['minItems']}"] if "minItems" in schema else []),
        *([f"at most {schema['maxItems']}"] if "maxItems" in schema else []),
    ]
    return f", {', '.join(said)}" if said else ""


def _default(schema: Schema) -> str:
    value = schema.get("default")
    if value is None or value == "" or isinstance(value, dict):
        return ""  # of a mapping, the defaults of its keys say it
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _meaning(schema: Schema) -> str:
    return " ".join(str(schema.get("description", "")).split()).replace("|", "\\|")


def _table(rows: list[Key]) -> list[str]:
    return [
        "| key | type | default | meaning |",
        "| --- | --- | --- | --- |",
        *(f"| `{r.path}` | {r.type} | {r.default} | {r.meaning} |" for r in rows),
    ]


def _language() -> Iterator[str]:
    schema: Schema = experiment_schema()["definitions"]["spec"]
    rows = {
        name: list(_key(part, name, "required" if name in schema["required"] else ""))
        for name, part in schema["properties"].items()
    }
    single = [name for name in rows if len(rows[name]) == 1 and name not in TOGETHER]
    yield from ("### The spec itself", "")
    yield from _table([key for name in single for key in rows[name]])
    for name in (*(name for name in rows if name not in (*single, *TOGETHER)), *TOGETHER):
        first, *inner = rows[name]
        yield from (
            "",
            f"### `{name}`",
            "",
            " ".join([first.meaning, *([f"It is {first.default}."] if first.default else [])]),
        )
        if name == "arms":
            yield from ("", f"An arm may say any of {', '.join(f'`{key}`' for key in ARM_KEYS)}.")
        elif name not in TOGETHER:
            yield ""
            yield from _table(inner)


def _components() -> Iterator[str]:
    yield from (
        "",
        "## Components",
        "",
        "A component is `{kind: NAME, ...}`; the other keys are the options of that kind. A check is named by its key instead. "
        "An environment, a trainer and a backend are written as the bare name where they have no options.",
    )
    for slot, kinds in definitions().items():
        if not kinds:
            continue
        yield from ("", f"### {_title(slot).capitalize()}")
        for kind, item in kinds.items():
            yield from ("", f"#### {_title(slot)} `{kind}`", "", _about(item), "")
            rows = list(
                keys({"properties": item.schema["properties"], "required": item.schema["required"]})
            )
            yield from _table(rows) if rows else ("It has no options.",)


def _about(item: Definition) -> str:
    serves = [
        f"Serves the {what} {' or '.join(f'`{value}`' for value in values)}."
        for what, values in item.serves.items()
    ]
    by = [f"Comes with the package `{item.distribution}`."] if item.distribution else []
    needs = [f"Needs the extra `{item.extra}`."] if item.extra else []
    return " ".join([item.description, *serves, *by, *needs])


def _title(slot: str) -> str:
    return SLOT_TITLES.get(slot, slot)


def _anchor(slot: str) -> str:
    return _title(slot).replace(" ", "-")
