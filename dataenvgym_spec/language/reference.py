"""The language reference, `docs/language.md`: every key, its type, default, bounds and meaning.

Generated from the schema and the components' definitions, so it cannot disagree with what is
checked; components of installed packages are in it as well. What a schema cannot express is in the
template `language.md` of this folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.language.declared import Definition
from dataenvgym_spec.language.schema import ARM_KEYS, KEYED, Schema, experiment_schema, published

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
"""How specs are put together; last on the page, and in words rather than by keys."""
SLOT_TITLES: Final = {"discovery": "skill discovery"}
_LIMITS: Final = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "maxLength": "at most {} characters",
    "minItems": "at least {}",
    "maxItems": "at most {}",
}
COMPONENTS: Final = """
## Components

A component is `{kind: NAME, ...}`; the other keys are the options of that kind. \
A check is named by its key instead. \
An environment, a trainer and a backend are written as the bare name where they have no options.\
"""


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
    """The keys inside of a schema, in the order they are declared, without those of components.

    >>> inner = {"type": "object", "properties": {"b": {"type": "integer"}}}
    >>> [key.path for key in keys({"properties": {"a": inner}})]
    ['a', 'a.b']
    """
    whole = _whole(schema)
    required = dict.fromkeys(whole.get("required", ()), "required")
    otherwise = whole.get("else", {}).get("required", ())
    required |= dict.fromkeys(otherwise, "required, but for `same_as`")
    for name, part in whole.get("properties", {}).items():
        inner = f"{path}.{name}" if path else name
        yield from _key(part, inner, required.get(name, default))


def _key(part: Schema, path: str, required: str) -> Iterator[Key]:
    """The row of a key, then those of the keys inside of its value."""
    whole = _whole(part)
    default = required or _default(whole)
    yield Key(path=path, type=_type(part), default=default, meaning=_meaning(whole))
    if _slot(part):
        return
    for option in [whole, *map(_whole, whole.get("anyOf", ()))]:
        yield from keys(option, path)
        yield from keys(option.get("items", {}), f"{path}[]")
    values = whole.get("additionalProperties")
    if not isinstance(values, dict) or _slot(values) or _is_arm(values):
        return
    if _whole(values).get("properties"):
        yield from keys(values, f"{path}.NAME")


def _whole(part: Schema) -> Schema:
    """A schema with what it refers to; what is written beside a reference wins."""
    references = [item["$ref"] for item in [part, *part.get("allOf", ())] if "$ref" in item]
    whole = dict(part)
    for reference in references:
        name = reference.rsplit("/", 1)[1]
        whole = {**experiment_schema()["definitions"][name], **whole}
    return whole


def _is_arm(part: Schema) -> bool:
    return "arm" in str(part.get("$ref"))


def _slot(part: Schema) -> str:
    """The slot of components that a schema refers to."""
    name = str(part.get("$ref", "")).rsplit("/", 1)[-1]
    return name if name in definitions() else ""


def _type(part: Schema) -> str:
    slot = _slot(part)
    if slot:
        return _slot_type(slot)
    whole = _whole(part)
    mapping = whole.get("then")
    if isinstance(mapping, dict) and _slot(mapping):
        return f"{_type(whole['else'])} or {_type(mapping)}"
    if "x-list" in whole:
        return f"one of {whole['x-list']}"
    if "enum" in whole:
        return " or ".join(f"`{item}`" for item in whole["enum"])
    if "anyOf" in whole:
        return " or ".join(dict.fromkeys(map(_type, whole["anyOf"])))
    if whole.get("type") == "array":
        items = f"list of {_type(whole['items'])}" if "items" in whole else "list"
        return items + _bounds(whole)
    values = whole.get("additionalProperties")
    if isinstance(values, dict):
        return f"mapping of names to {_plural(values)}"
    name = str(whole.get("type", "any value"))
    return NAMES.get(name, name) + _bounds(whole)


def _slot_type(slot: str) -> str:
    title, anchor = _title(slot), _anchor(slot)
    if slot in KEYED:
        return f"[{title}s](#{anchor})"
    article = "an" if title[0] in "aeio" else "a"
    return f"{article} [{title}](#{anchor})"


def _plural(values: Schema) -> str:
    if _is_arm(values):
        return "arms"
    return _type(values).removeprefix("an ").removeprefix("a ")


def _bounds(schema: Schema) -> str:
    bounds = ", ".join(_limits(schema))
    return f", {bounds}" if bounds else ""


def _limits(schema: Schema) -> Iterator[str]:
    return (text.format(schema[key]) for key, text in _LIMITS.items() if key in schema)


def _default(schema: Schema) -> str:
    value = schema.get("default")
    if value is None or value == "" or isinstance(value, dict):
        return ""  # of a mapping, the defaults of its keys say it
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _meaning(schema: Schema) -> str:
    return " ".join(str(schema.get("description", "")).split()).replace("|", "\\|")


def _table(rows: list[Key]) -> Iterator[str]:
    yield "| key | type | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for row in rows:
        yield f"| `{row.path}` | {row.type} | {row.default} | {row.meaning} |"


def _language() -> Iterator[str]:
    schema: Schema = experiment_schema()["definitions"]["spec"]
    rows: dict[str, list[Key]] = {}
    for name, part in schema["properties"].items():
        required = "required" if name in schema["required"] else ""
        rows[name] = list(_key(part, name, required))
    sections = [name for name in rows if name not in TOGETHER]
    single = [name for name in sections if len(rows[name]) == 1]
    yield from ("### The spec itself", "")
    yield from _table([key for name in single for key in rows[name]])
    for name in sections:
        if name not in single:
            yield from _section(name, rows[name][0])
            yield ""
            yield from _table(rows[name][1:])
    for name in TOGETHER:
        yield from _section(name, rows[name][0])
        if name == "arms":
            keys_of_arms = ", ".join(f"`{key}`" for key in ARM_KEYS)
            yield from ("", f"An arm may say any of {keys_of_arms}.")


def _section(name: str, first: Key) -> Iterator[str]:
    """The heading of a key of the spec, and what it means."""
    default = f" It is {first.default}." if first.default else ""
    yield from ("", f"### `{name}`", "", f"{first.meaning}{default}")


def _components() -> Iterator[str]:
    yield COMPONENTS
    for slot, kinds in definitions().items():
        if kinds:
            yield from _components_of(slot, kinds)


def _components_of(slot: str, kinds: Mapping[str, Definition]) -> Iterator[str]:
    yield from ("", f"### {_title(slot).capitalize()}")
    for kind, item in kinds.items():
        yield from ("", f"#### {_title(slot)} `{kind}`", "", _about(item), "")
        options = published(item.schema["properties"])
        rows = list(keys({"properties": options, "required": item.schema["required"]}))
        yield from _table(rows) if rows else ["It has no options."]


def _about(item: Definition) -> str:
    sentences = [item.description]
    for served, values in item.serves.items():
        listed = " or ".join(f"`{value}`" for value in values)
        sentences.append(f"Serves the {served} {listed}.")
    if item.distribution:
        sentences.append(f"Comes with the package `{item.distribution}`.")
    if item.extra:
        on_cpu = f", without a GPU `{item.cpu_extra}`" if item.cpu_extra else ""
        sentences.append(f"Needs the extra `{item.extra}`{on_cpu}.")
    return " ".join(sentences)


def _title(slot: str) -> str:
    return SLOT_TITLES.get(slot, slot)


def _anchor(slot: str) -> str:
    return _title(slot).replace(" ", "-")
