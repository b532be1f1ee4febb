"""A group of a procedural source sets only options that its generator has, to values it takes.

A source declares them (`x-options`), so that nothing of the generator is imported here:

    by, options  the keys of a group that name its generator and hold its options
    names        by generator, its options, each with a JSON Schema of its values; `x-nested` beside
                 a list of further generators says their `by` and `options`
    required     by generator, the options that cannot be left out
    ordered      by generator, pairs of options of which the first is "less" than the second or "at
                 most" as large; the schemas of both say what holds where one is left out
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dataenvgym_spec.core.errors import Diagnostic, suggest
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.options import at
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.language.validate import against
from dataenvgym_spec.resolve.arms import Arm

Declared = Mapping[str, Any]
Group = Mapping[str, Any]


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Options that the generator of a group does not have, and values that it would refuse."""
    for slot, place, options in arm.experiment.components():
        for path, declared in definition(slot, options["kind"]).marked("x-options").items():
            for name, group in (at(options, path) or {}).items():
                node = arm.node.at((*place, *path, name))
                yield from _group(node, group, declared)


def _group(node: Node, group: Group, declared: Declared) -> Iterator[Diagnostic]:
    generator, options = group[declared["by"]], group.get(declared["options"]) or {}
    known = declared["names"].get(generator)
    if known is None:
        help = suggest(str(generator), declared["names"])
        message = f"there is no generator '{generator}'"
        yield node.at((declared["by"],)).fault("E106", message, help)
        return
    held = node.find(declared["options"]) or Node(value={}, span=node.span)
    for key in options:
        if key not in known:
            message = f"'{generator}' has no option '{key}'"
            yield held.at((key,)).key_fault("E102", message, suggest(str(key), known))
    required = declared["required"].get(generator, [])
    wrong = list(_values(held, generator, known, required))
    if wrong:
        yield from wrong
        return
    for low, high, how in declared["ordered"].get(generator, ()):
        yield from _order(held, {**_defaults(known), **options}, (low, high, how))
    for key, schema in known.items():
        if key in options and "x-nested" in schema:
            yield from _nested(held.at((key,)), options[key], {**declared, **schema["x-nested"]})


def _values(
    held: Node, generator: str, known: Mapping[str, Any], required: list[str]
) -> Iterator[Diagnostic]:
    """Values of another type or out of bounds, and options that cannot be left out."""
    properties = {}
    for key, schema in known.items():
        remedy = f"write what the generator '{generator}' takes as '{key}'"
        properties[key] = {"description": remedy, **schema}
    schema = {"type": "object", "properties": properties, "required": required}
    yield from against(schema, held)


def _defaults(known: Mapping[str, Any]) -> dict[str, Any]:
    return {key: schema["default"] for key, schema in known.items() if "default" in schema}


def _order(held: Node, values: Group, pair: tuple[str, str, str]) -> Iterator[Diagnostic]:
    """A pair of options the wrong way round, told at the first of them that is written."""
    low, high, how = pair
    least, most = values[low], values[high]
    if least < most or (how == "at most" and least == most):
        return
    words = "less than" if how == "less" else how
    if held.find(low) is None:
        message = f"'{high}' is {most}, and '{low}', which is {least}, must be {words} that"
        yield held.at((high,)).fault("E106", message, f"set '{low}' too")
        return
    message = f"'{low}' must be {words} '{high}', which is {most}"
    help = f"raise '{high}', or lower '{low}'"
    if held.find(high) is None:
        help = f"set '{high}' too"
    yield held.at((low,)).fault("E106", message, help)


def _nested(node: Node, groups: list[Group], declared: Declared) -> Iterator[Diagnostic]:
    """A list of generators, each once."""
    seen: set[str] = set()
    for index, group in enumerate(groups):
        name = group[declared["by"]]
        if name in seen:
            message = f"'{name}' is listed twice"
            yield node.at((index, declared["by"])).fault("E106", message, "list each once")
        seen.add(name)
        yield from _group(node.at((index,)), group, declared)
