"""The published JSON Schema of the spec language.

The schema (draft-07) is generated from the records of `spec` and the components' JSON files, so
code, editors and documentation cannot disagree. What it says about a tree is in `validate`,
overrides are in `partial`, hover texts in `hover`.

Keywords of ours: `x-file` marks a path, `x-revision` a revision of the hub; `x-slot`, `x-slot-map`
and `x-slot-word` stand for components and are resolved here. For editors: `enumDescriptions`,
`markdownDescription` and `doNotSuggest`.
"""

from __future__ import annotations

import copy
import inspect
import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

import msgspec

from dataenvgym_spec.language.components import definitions, standard
from dataenvgym_spec.language.declared import Definition
from dataenvgym_spec.language.fields import NAME_PATTERN, ONE
from dataenvgym_spec.language.hover import with_hover_texts
from dataenvgym_spec.language.partial import partial, partial_slot
from dataenvgym_spec.language.places import PLACES
from dataenvgym_spec.language.spec import Experiment

Schema = dict[str, Any]

WORDS: Final = frozenset(place.slot for place in PLACES if place.word)
"""The slots whose components are bare words where they have no options."""
KEYED: Final = frozenset(place.slot for place in PLACES if place.keyed)
"""The slots whose components are called by their keys, and have no `kind`."""
PUBLISHED: Final = ("x-file", "x-revision", "x-list")
"""The keywords of components' options that the published schema keeps."""
ARM_KEYS: Final = (
    "student",
    "teachers",
    "environment",
    "skills",
    "agent",
    "data_from",
    "loop",
    "select",
)
"""What an arm may change."""

_POINT_NAME: Final[Schema] = {
    "type": "string",
    "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
    "description": "What the point is called.",
}
_GRID: Final[Schema] = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {"type": "array", "minItems": 1},
}
_POINTS: Final[Schema] = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "object", "minProperties": 1, "properties": {"name": _POINT_NAME}},
}
COMPOSITION: Final[dict[str, Schema]] = {
    "$schema": {
        "type": "string",
        "description": "Where an editor finds this schema.",
        "doNotSuggest": True,
    },
    "arms": {
        "type": "object",
        "description": "Variants that are run side by side and share everything they have in "
        "common.",
        "propertyNames": {"title": "arm", "pattern": NAME_PATTERN},
        "additionalProperties": {"$ref": "#/definitions/arm"},
        "minProperties": 1,
    },
    "extends": {
        "description": "A spec file, or a list of them, that this one builds on; paths are "
        "relative to this file. Mappings merge, lists replace, another `kind` replaces the "
        "mapping, `null` removes a key.",
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
    },
    "matrix": {
        "description": "A sweep. A grid, `{student.train.learning_rate: [1e-4, 3e-4]}`, or a "
        "list of points, `[{name: small, loop.iterations: 2}]`. Each point is an experiment of "
        "its own; equal stages are shared.",
        "anyOf": [_GRID, _POINTS],
    },
}
"""How a spec is put together: gone once it is resolved, and so in no record."""


@cache
def experiment_schema() -> Schema:
    """The JSON Schema of a whole spec file."""
    parts = {**_records(), **_components()}
    partials = _partials(parts)
    whole, above = parts.pop("Experiment"), partials.pop("partial.Experiment")
    partials["arm"] = {
        **_with_keys(above, ARM_KEYS),
        "title": "Arm",
        "type": "object",
        "description": "What this arm changes; `null` removes a key.",
    }
    partials["partial.arm"] = {**partials["arm"], "type": ["object", "null"]}
    parts["spec"] = {**whole, "title": "Spec", "properties": {**whole["properties"], **COMPOSITION}}
    composition = {**COMPOSITION, "arms": partial(COMPOSITION["arms"])}
    partials["partial.spec"] = {
        **above,
        "title": "Spec that extends another",
        "type": "object",
        "properties": {**above["properties"], **composition},
    }
    named = dict(sorted({**parts, **partials}.items()))
    schema: Schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "dataenvgym_spec experiment",
        "description": whole["description"],
        "type": "object",
        # A spec with parents need not say everything; what is missing is known after merging.
        "if": {"required": ["extends"]},
        "then": {"$ref": "#/definitions/partial.spec"},
        "else": {"$ref": "#/definitions/spec"},
        "definitions": copy.deepcopy(named),
    }
    described: Schema = with_hover_texts(schema)
    return described


def schema_text() -> str:
    """The schema as the text of `schemas/experiment.schema.json`."""
    return json.dumps(experiment_schema(), indent=2, ensure_ascii=False, sort_keys=False) + "\n"


def published(options: Schema) -> Schema:
    """The options of a component, or of a mapping inside of one, as editors see them."""
    return {name: _published(option) for name, option in options.items()}


def _records() -> dict[str, Schema]:
    """The records of the language, by name."""
    generated = msgspec.json.schema(Experiment, ref_template="#/definitions/{name}")
    records: dict[str, Schema] = {
        name: _clean(record) for name, record in generated["$defs"].items()
    }
    # Where a mapping is one of several forms, msgspec has no place for this.
    records["Draw"] |= ONE
    for name in ("Split", "FeedbackSplit"):
        _or_same_as(records[name])
    return records


def _components() -> dict[str, Schema]:
    """The slots and their components, those called `slot.kind`."""
    schemas: dict[str, Schema] = {}
    for slot, kinds in _mapping_slots().items():
        schemas[slot] = _slot_schema(slot, kinds)
        for kind, item in kinds.items():
            schemas[f"{slot}.{kind}"] = _component_schema(item, with_kind=slot not in KEYED)
    return schemas


def _partials(parts: dict[str, Schema]) -> dict[str, Schema]:
    """The schemas of overrides, called `partial.NAME`."""
    partials = {f"partial.{name}": partial(part) for name, part in parts.items()}
    for slot, kinds in _mapping_slots().items():
        if slot not in KEYED:
            options = [published(item.schema["properties"]) for item in kinds.values()]
            partials[f"partial.{slot}"] = partial_slot(parts[slot], options)
    return partials


def _mapping_slots() -> dict[str, dict[str, Definition]]:
    return {slot: kinds for slot, kinds in definitions().items() if _is_mapping(slot)}


def _with_keys(part: Schema, keys: Iterable[str]) -> Schema:
    """A schema of a mapping with some of its keys."""
    return {**part, "properties": {key: part["properties"][key] for key in keys}}


def _clean(part: Any) -> Any:
    """Draft-07 form of what msgspec generates.

    Docstrings are dedented, slots resolved, and nothing but annotations stands beside a `$ref`.
    """
    if isinstance(part, list):
        return [_clean(item) for item in part]
    if not isinstance(part, dict):
        return part
    out = {key: _clean(value) for key, value in part.items()}
    _clean_texts(out)
    if slot := out.get("x-slot") or out.get("x-slot-map"):
        return {"description": out["description"], "$ref": f"#/definitions/{slot}"}
    if slot := out.get("x-slot-word"):
        return _word_schema(slot, out["description"])
    if "default" in out and out["default"] is None:
        # An optional field: it has no value by leaving it out.
        (only,) = [option for option in out["anyOf"] if option != {"type": "null"}]
        return only
    if isinstance(out.get("enum"), list) and all(isinstance(item, int) for item in out["enum"]):
        out["type"] = "integer"  # or 1.0, which equals 1, would pass
    if "$ref" in out and out.keys() - {"$ref", "description", "default"}:
        # Draft-07 ignores any other keyword beside a reference.
        beside = {key: value for key, value in out.items() if key != "$ref"}
        return {**beside, "allOf": [{"$ref": out["$ref"]}]}
    return out


def _clean_texts(part: Schema) -> None:
    if isinstance(part.get("description"), str):
        part["description"] = " ".join(inspect.cleandoc(part["description"]).split())
    if isinstance(part.get("title"), str):
        part["title"] = re.sub(r"(?<=[a-z])[A-Z]", _lower_word, part["title"])


def _lower_word(capital: re.Match[str]) -> str:
    return f" {capital[0].lower()}"


def _or_same_as(part: Schema) -> None:
    """A split draws its items, or says whose it shares."""
    keys = part.pop("required")
    described = {key: {"description": part["properties"][key]["description"]} for key in keys}
    part |= {
        "if": {"required": ["same_as"]},
        "then": True,
        "else": {"properties": described, "required": keys},
    }


def _slot_schema(slot: str, kinds: dict[str, Definition]) -> Schema:
    if slot in KEYED:
        properties = {kind: {"$ref": f"#/definitions/{slot}.{kind}"} for kind in kinds}
        return {"type": "object", "properties": properties, "additionalProperties": False}
    return {
        "type": "object",
        "required": ["kind"],
        "properties": {
            "kind": {
                "enum": list(kinds),
                "description": f"Which {slot}; the other keys are its options.",
                "enumDescriptions": [item.description for item in kinds.values()],
            }
        },
        "allOf": [_options_of_kind(slot, kind) for kind in kinds],
    }


def _options_of_kind(slot: str, kind: str) -> Schema:
    is_kind = {"properties": {"kind": {"const": kind}}, "required": ["kind"]}
    return {"if": is_kind, "then": {"$ref": f"#/definitions/{slot}.{kind}"}}


def _is_mapping(slot: str) -> bool:
    """Whether a spec can hold a mapping for a component of the slot.

    Not where there is no component, and not where each is a bare word.
    """
    kinds = definitions()[slot].values()
    optional = slot in WORDS
    return any(item.schema["properties"] or not optional for item in kinds)


def _word_schema(slot: str, description: str) -> Schema:
    """A component as a bare word, or as a mapping as soon as one of its slot has options."""
    kinds = definitions()[slot]
    texts = [item.description for item in kinds.values()]
    words = {"enum": list(kinds), "enumDescriptions": texts}
    out: Schema = {"description": description}
    if _is_mapping(slot):
        mapping = {"$ref": f"#/definitions/{slot}"}
        out |= {"if": {"type": "object"}, "then": mapping, "else": words}
    else:
        out |= words
    default = standard(slot)
    return {**out, "default": default} if default else out


def _component_schema(item: Definition, *, with_kind: bool) -> Schema:
    kind = {"kind": {"const": item.kind, "description": item.description}} if with_kind else {}
    return {
        "title": item.title,
        "description": item.description,
        "type": "object",
        "properties": {**kind, **published(item.schema["properties"])},
        "required": [*kind, *item.schema["required"]],
        "additionalProperties": False,
    }


def _published(option: Schema) -> Schema:
    if "x-slot" in option:
        reference = f"#/definitions/{option['x-slot']}"
        return {"description": option.get("description", ""), "$ref": reference}
    kept = [key for key in option if key in PUBLISHED or not key.startswith("x-")]
    out = {key: copy.deepcopy(option[key]) for key in kept}
    if "properties" in out:
        out["properties"] = published(option["properties"])
    return out
