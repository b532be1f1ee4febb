"""The measures of an arm are within the limits that its components declare: width, heads, rank."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.declared import Definition, Limit, OptionPath
from dataenvgym_spec.language.places import named
from dataenvgym_spec.resolve.arms import Arm

Measures = Mapping[str, int]


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Measures out of bounds."""
    measures = measures_of(arm)
    can_be_made = True
    for slot, place, options in arm.experiment.components():
        if slot == "backend" and not can_be_made:
            continue  # there is no student to generate with
        declared = definition(slot, options["kind"])
        # What a check or a policy measures, such as a band, is its own affair.
        known = measures | _stated(declared, options)
        for limit in broken(declared, known):
            option = _option(declared, limit.measure) or ("kind",)
            yield fault(arm, (*place, *option), limit, known)
            can_be_made = can_be_made and slot != "model"


def broken(declared: Definition, measures: Measures) -> Iterator[Limit]:
    """The limits of a component that measures are beyond."""
    for limit in declared.limits:
        if not _holds(limit, measures):
            yield limit


def fault(arm: Arm, place: OptionPath, limit: Limit, measures: Measures) -> Diagnostic:
    """What is said of a limit that measures are beyond, at an option."""
    allowed = ", ".join(map(str, limit.one_of))
    words = {**measures, "most": limit.most, "one_of": allowed}
    message, help = limit.message.format_map(words), limit.help.format_map(words)
    return arm.node.at(place).fault("E204", message, help)


def measures_of(arm: Arm) -> dict[str, int]:
    """The measures that options of the student state, or the configuration in its directory."""
    measures: dict[str, int] = {}
    for slot, place, options in arm.experiment.components():
        if place[0] != "student":  # a teacher's model is another one
            continue
        declared = definition(slot, options["kind"])
        measures |= _stated(declared, options)
        for path, keys in declared.marked("x-measures").items():
            file = arm.references.get((*place, *path))
            config = file.config if file is not None and file.config is not None else {}
            stated = {measure: config.get(key) for measure, key in keys.items()}
            measures |= {key: value for key, value in stated.items() if isinstance(value, int)}
    width, heads = measures.get("width"), measures.get("heads", 0)
    if width is not None and heads > 0:
        measures.setdefault("head", width // heads)
    return measures


def _stated(declared: Definition, options: Mapping[str, Any]) -> dict[str, int]:
    """The measures that options of one component state."""
    stated: dict[str, int] = {}
    for path, measure in declared.marked("x-measure").items():
        for _, value in named(options, path):
            stated[measure] = value
    return stated


def _holds(limit: Limit, measures: Measures) -> bool:
    """Whether a measure is within a limit; also where the measure or the bound is unknown."""
    value = measures.get(limit.measure)
    if value is None:
        return True
    if limit.one_of:
        return value in limit.one_of
    if limit.most is not None:
        most = _bound(limit.most, measures)
        return most is None or value <= most
    factors = [_bound(factor, measures) for factor in limit.multiple_of]
    stated = [factor for factor in factors if factor is not None]
    return len(stated) < len(factors) or value % prod(stated) == 0


def _bound(bound: int | str, measures: Measures) -> int | None:
    return measures.get(bound) if isinstance(bound, str) else bound


def _option(declared: Definition, measure: str) -> OptionPath | None:
    """The option of a component that states a measure."""
    for path, name in declared.marked("x-measure").items():
        if name == measure:
            return path
    return None
