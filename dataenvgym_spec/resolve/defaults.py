"""A valid spec in one form: what can be said in two ways is said in one, defaults are filled in."""

from __future__ import annotations

import copy
from typing import Any

from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.places import PLACES, Place, named
from dataenvgym_spec.resolve import same_as

Json = Any
Schema = dict[str, Any]


def in_one_form(plain: dict[str, Any]) -> dict[str, Any]:
    """Brings a valid spec into one form, in place.

    That is an agent that observes nothing, one seed, shared splits and components' defaults.
    """
    task, agent = plain["task"], plain["agent"]
    if _observes_nothing(agent.get("observe", {})):
        agent["observe"] = "nothing"
    elif isinstance(agent.get("observe"), dict) and agent["observe"].get("student") == "latest":
        del agent["observe"]["student"]
    run = plain.get("seeds", {}).get("run")
    if isinstance(run, list) and len(run) == 1:
        plain["seeds"]["run"] = run[0]
    task["splits"] = same_as.filled(task["splits"])
    for place in PLACES:
        for path, value in list(named(plain, place.path)):
            holder = plain
            for step in path[:-1]:
                holder = holder[step]
            holder[path[-1]] = _component(place, path[-1], value)
    return plain


def with_defaults(slot: str, options: dict[str, Any]) -> dict[str, Any]:
    """A component's options with its defaults; whole numbers are floats where a number is meant."""
    kind = options["kind"]
    own = {key: value for key, value in options.items() if key != "kind"}
    schema = {"type": "object", **definition(slot, kind).schema}
    return {"kind": kind, **_fill(schema, own)}


def _observes_nothing(observe: Json) -> bool:
    if not isinstance(observe, dict):
        return False
    seen = (observe.get("errors", 0), observe.get("scores", True), observe.get("yield", True))
    return not any(seen)


def _component(place: Place, key: str, value: Json) -> Json:
    """The component at a place, with its defaults.

    It is a bare word where it may be one and has no options.
    """
    if isinstance(value, str):
        options = {"kind": value}
    elif place.keyed:
        options = {"kind": key, **value}
    else:
        options = value
    filled = with_defaults(place.slot, options)
    return filled["kind"] if place.word and len(filled) == 1 else filled


def _fill(schema: Schema, value: Json) -> Json:
    if isinstance(value, dict):
        return _fill_mapping(schema, value)
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole and schema.get("type") == "number":
        return float(value)
    if isinstance(value, list):
        return _fill_list(schema, value)
    return value


def _fill_list(schema: Schema, value: list[Any]) -> list[Any]:
    items = schema.get("items")
    if not isinstance(items, dict):
        return value
    if schema.get("uniqueItems") and "enum" in items:
        # A choice of names: their order says nothing.
        return sorted(value, key=items["enum"].index)
    return [_fill(items, item) for item in value]


def _fill_mapping(schema: Schema, value: dict[str, Any]) -> dict[str, Any]:
    if "x-slot" in schema:
        return with_defaults(schema["x-slot"], value)
    if "properties" in schema:
        options = schema["properties"]
        defaults = {
            key: _fill(option, copy.deepcopy(option["default"]))
            for key, option in options.items()
            if "default" in option and key not in value
        }
        filled = {key: _fill(options.get(key, {}), item) for key, item in value.items()}
        return {**defaults, **filled}
    inner = schema.get("additionalProperties")
    if isinstance(inner, dict):
        return {key: _fill(inner, item) for key, item in value.items()}
    # Free options: `null` is a key left out here as everywhere.
    return {key: _fill({}, item) for key, item in value.items() if item is not None}
