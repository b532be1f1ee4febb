"""The published JSON Schema of the spec language. What it says about a tree is in `findings`; typed records are in `spec`.

The schema (draft-07) is generated from the records of `spec` and the components' JSON files, so code, editors and
documentation cannot disagree. Four keywords are ours: `x-file` marks a path, `x-revision` a revision of the
hub, `x-slot`, `x-slot-map` and `x-slot-word` components (build time only). Three are for editors: `enumDescriptions`, `markdownDescription` and
`doNotSuggest`. Overrides are in `partial`, hover texts in `hover`.
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
from dataenvgym_spec.language.fields import NAME_PATTERN
from dataenvgym_spec.language.hover import with_hover_texts
from dataenvgym_spec.language.partial import partial, partial_slot
from dataenvgym_spec.language.places import PLACES
from dataenvgym_spec.language.spec import Experiment

Schema = dict[str, Any]

WORDS: Final = frozenset(place.slot for place in PLACES if place.word)
PUBLISHED: Final = ("x-file", "x-revision", "x-list")
"""The keywords of components' options that the published schema keeps; the others are for the compiler only."""
ARM_KEYS: Final = ("student", "teachers", "environment", "skills", "agent", "loop", "select")

COMPOSITION: Final[dict[str, Schema]] = {
    "$schema": {
        "type": "string",
        "description": "Where an editor finds this schema.",
        "doNotSuggest": True,
    },
    "arms": {
        "type": "object",
        "description": "Variants that are run side by side and share everything they have in common.",
        "propertyNames": {"title": "arm", "pattern": NAME_PATTERN},
        "additionalProperties": {"$ref": "#/definitions/arm"},
        "minProperties": 1,
    },
    "extends": {
        "description": "A spec file, or a list of them, that this one builds on; paths are relative to this file. Mappings merge, lists replace, "
        "another `kind` replaces the mapping, `null` removes a key.",
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
    },
    "matrix": {
        "description": "A sweep. A grid, `{student.train.learning_rate: [1e-4, 3e-4]}`, or a list of points, "
        "`[{name: small, loop.iterations: 2}]`. Each point is an experiment of its own; equal stages are shared.",
        "anyOf": [
            {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": {"type": "array", "minItems": 1},
            },
            {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "minProperties": 1,
                    "properties": {
                        "name": {
                            "type": "string",
                            "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
                            "description": "What the point is called.",
                        }
                    },
                },
            },
        ],
    },
}
"""How a spec is put together: gone once it is resolved, and so in no record."""


@cache
def experiment_schema() -> Schema:
    """The JSON Schema of a whole spec file."""
    raw = msgspec.json.schema(Experiment, ref_template="#/definitions/{name}")
    parts: dict[str, Schema] = {name: _clean(part) for name, part in raw["$defs"].items()}
    for name in ("Split", "FeedbackSplit"):
        _or_same_as(parts[name])
    slots = {slot: kinds for slot, kinds in definitions().items() if _is_mapping(slot)}
    for slot, kinds in slots.items():
        parts[slot] = _slot_schema(slot, kinds)
        for kind, item in kinds.items():
            parts[f"{slot}.{kind}"] = _component_schema(item, with_kind=slot != "check")
    partials = {f"partial.{name}": partial(part) for name, part in parts.items()}
    for slot, kinds in slots.items():
        if slot != "check":
            options = [published(item.schema["properties"]) for item in kinds.values()]
            partials[f"partial.{slot}"] = partial_slot(parts[slot], options)
    whole, above = parts.pop("Experiment"), partials.pop("partial.Experiment")
    partials["arm"] = {
        **_named(above, ARM_KEYS),
        "title": "Arm",
        "type": "object",
        "description": "What this arm changes; `null` removes a key.",
    }
    partials["partial.arm"] = {**partials["arm"], "type": ["object", "null"]}
    above_composition = {**COMPOSITION, "arms": partial(COMPOSITION["arms"])}
    parts["spec"] = {**whole, "title": "Spec", "properties": {**whole["properties"], **COMPOSITION}}
    partials["partial.spec"] = {
        **above,
        "title": "Spec that extends another",
        "type": "object",
        "properties": {**above["properties"], **above_composition},
    }
    # A spec with parents need not say everything; what is missing is known after merging.
    root = {
        "if": {"required": ["extends"]},
        "then": {"$ref": "#/definitions/partial.spec"},
        "else": {"$ref": "#/definitions/spec"},
    }
    head = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "dataenvgym_spec experiment",
        "description": whole["description"],
        "type": "object",
    }
    described: Schema = with_hover_texts(
        {**head, **root, "definitions": copy.deepcopy(dict(sorted({**parts, **partials}.items())))}
    )
    return described


def _named(part: Schema, keys: Iterable[str]) -> Schema:
    """A schema of a mapping with some of its keys."""
    return {**part, "properties": {key: part["properties"][key] for key in keys}}


def schema_text() -> str:
    """The schema as the text of `schemas/experiment.schema.json`."""
    return json.dumps(experiment_schema(), indent=2, ensure_ascii=False, sort_keys=False) + "\n"


def _clean(part: Any) -> Any:
    """Draft-07 form of what msgspec generates: docstrings dedented, slots resolved, `$ref` with nothing beside it but annotations."""
    if isinstance(part, list):
        return [_clean(item) for item in part]
    if not isinstance(part, dict):
        return part
    out = {key: _clean(value) for key, value in part.items()}
    if isinstance(out.get("description"), str):
        out["description"] = " ".join(inspect.cleandoc(out["description"]).split())
    if "title" in out and isinstance(out["title"], str):
        out["title"] = re.sub(
            r"(?<=[a-z])[A-Z]", lambda letter: f" {letter[0].lower()}", out["title"]
        )
    if slot := out.get("x-slot") or out.get("x-slot-map"):
        return {"description": out["description"], "$ref": f"#/definitions/{slot}"}
    if slot := out.get("x-slot-word"):
        return _word_schema(slot, out["description"])
    if (
        "default" in out and out["default"] is None
    ):  # an optional record field: leaving it out is the way to have none
        (only,) = [option for option in out["anyOf"] if option != {"type": "null"}]
        return only
    if isinstance(out.get("enum"), list) and all(isinstance(item, int) for item in out["enum"]):
        out["type"] = "integer"  # or 1.0, which equals 1, would pass
    if "$ref" in out and out.keys() - {
        "$ref",
        "description",
        "default",
    }:  # draft-07 ignores any other keyword beside a reference
        return {
            **{key: value for key, value in out.items() if key != "$ref"},
            "allOf": [{"$ref": out["$ref"]}],
        }
    return out


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
    if slot == "check":
        properties = {kind: {"$ref": f"#/definitions/check.{kind}"} for kind in kinds}
        return {"type": "object", "properties": properties, "additionalProperties": False}
    texts = [item.description for item in kinds.values()]
    return {
        "type": "object",
        "required": ["kind"],
        "properties": {
            "kind": {
                "enum": list(kinds),
                "description": f"Which {slot}; the other keys are its options.",
                "enumDescriptions": texts,
            }
        },
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
                "then": {"$ref": f"#/definitions/{slot}.{kind}"},
            }
            for kind in kinds
        ],
    }


def _is_mapping(slot: str) -> bool:
    """Whether a spec can hold a mapping for a component of the slot: not where there is none, or only bare words."""
    kinds = definitions()[slot].values()
    optional = slot in WORDS
    return any(item.schema["properties"] or not optional for item in kinds)


def _word_schema(slot: str, description: str) -> Schema:
    """A component written as a bare word; a mapping is allowed as soon as one of its slot has options."""
    kinds = definitions()[slot]
    words = {"enum": list(kinds), "enumDescriptions": [item.description for item in kinds.values()]}
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


def published(options: Schema) -> Schema:
    """The options of a component, or of a mapping inside of one, as editors see them."""
    return {name: _published(option) for name, option in options.items()}


def _published(option: Schema) -> Schema:
    if "x-slot" in option:
        return {
            "description": option.get("description", ""),
            "$ref": f"#/definitions/{option['x-slot']}",
        }
    kept = [key for key in option if key in PUBLISHED or not key.startswith("x-")]
    out = {key: copy.deepcopy(option[key]) for key in kept}
    if "properties" in out:
        out["properties"] = published(option["properties"])
    return out
