"""Splits ask for no more than their source can give: each by itself, and several together.

First by what no seed can change, and then, where a file is here, by how many items it really gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import sqrt

from dataenvgym_spec.compile.rules.allotted import allotted
from dataenvgym_spec.compile.rules.supply import Supply, supply
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.task import Draw
from dataenvgym_spec.resolve.arms import Arm
from dataenvgym_spec.resolve.lanes import lanes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawing:
    """A split that draws from a source, inside of its share of the hash space."""

    role: str
    draw: Draw
    share: float
    source: Supply


@dataclass(frozen=True, slots=True, kw_only=True)
class _Demand:
    """What a split asks of a source: how many, of what, how many there are at most, and where."""

    wanted: int
    what: str
    size: int
    where: str


_Demands = Callable[[_Drawing], Iterator[_Demand]]


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Splits that ask for too much."""
    findings = list(_out_of_reach(arm))
    yield from findings or allotted(arm)


def _out_of_reach(arm: Arm) -> Iterator[Diagnostic]:
    """Splits that ask for what no seed gives them."""
    single: list[_Drawing] = []
    for drawing in _drawings(arm):
        findings = list(_alone(arm, drawing))
        yield from findings
        repeats = arm.experiment.task.splits.drawn()[drawing.role].same_as is not None
        if not findings and not repeats:
            single.append(drawing)
    yield from _together(arm, single)


def _drawings(arm: Arm) -> Iterator[_Drawing]:
    # Splits of one source share it, so that its sizes are computed once.
    sources: dict[str, Supply | None] = {}
    splits = arm.experiment.task.splits.drawn()
    for role, (low, high) in lanes(arm).items():
        split = splits[role]
        if isinstance(split.draw, str):
            continue
        if split.from_ not in sources:
            sources[split.from_] = supply(arm, split.from_)
        source = sources[split.from_]
        if source is not None:
            yield _Drawing(role=role, draw=split.draw, share=high - low, source=source)


def _alone(arm: Arm, drawing: _Drawing) -> Iterator[Diagnostic]:
    role, share = drawing.role, drawing.share
    for demand in _by_group(drawing):
        expected = share * demand.size
        asks = f"'{role}' asks for {demand.wanted} {demand.what}"
        if demand.wanted > demand.size:
            message = f"{asks}, but {demand.where} has {demand.size}"
        elif demand.wanted > _reach(drawing, demand):
            message = (
                f"{asks}: of the {demand.size} of {demand.where}, "
                f"a share of {share:.2f} is about {expected:.0f}"
            )
        else:
            continue
        help = f"draw fewer, raise 'share' of '{role}', or {_larger(drawing.source)}"
        yield arm.node.at(("task", "splits", role, "draw")).fault("E202", message, help)


def _reach(drawing: _Drawing, demand: _Demand) -> float:
    """How many items a split can get at most, within all likelihood.

    A lane holds a binomial number of items; half as many again as its mean plus four deviations is
    out of reach. Clusters come whole, and a few large ones may well share a lane.
    """
    if "cluster" in drawing.source.columns:
        return demand.size
    expected = drawing.share * demand.size
    return 1.5 * expected + 4 * sqrt(expected)


def _together(arm: Arm, drawings: list[_Drawing]) -> Iterator[Diagnostic]:
    """Splits that each could be drawn and that their source cannot give side by side.

    No item is in two of them.
    """
    sharing: dict[str, list[_Drawing]] = {}
    for drawing in drawings:
        sharing.setdefault(drawing.source.rows(), []).append(drawing)
    for several in sharing.values():
        yield from _in_sum(arm, several, _by_group) or _in_sum(arm, several, _in_all)


def _in_sum(arm: Arm, drawings: list[_Drawing], demands: _Demands) -> list[Diagnostic]:
    """What several splits of one source ask for in sum, where it is more than there is."""
    asked: dict[tuple[str, str], list[tuple[_Drawing, _Demand]]] = {}
    for drawing in drawings:
        for demand in demands(drawing):
            asked.setdefault((demand.what, demand.where), []).append((drawing, demand))
    findings = []
    for (what, where), parts in asked.items():
        wanted = sum(demand.wanted for _, demand in parts)
        size = min(demand.size for _, demand in parts)
        if len(parts) > 1 and wanted > size:
            *first, last = [f"'{drawing.role}'" for drawing, _ in parts]
            names = f"{', '.join(first)} and {last}"
            message = f"{names} ask for {wanted} {what} together, but {where} has {size}"
            final = parts[-1][0]
            node = arm.node.at(("task", "splits", final.role, "draw"))
            help = f"draw fewer, or {_larger(final.source)}"
            findings.append(node.fault("E202", message, help))
    return findings


def _larger(source: Supply) -> str:
    return f"widen the {source.words.one}" if source.groups else "name a larger source"


def _by_group(drawing: _Drawing) -> Iterator[_Demand]:
    """What a split asks of each group, or of all together where it does not ask by group."""
    source, wanted, sizes = drawing.source, drawing.draw.per_group, drawing.source.sizes
    if wanted is None or not sizes:
        yield from _in_all(drawing)
        return
    words = source.words
    where = f"the {words.one}" if source.file is None else f"'{source.file.path}'"
    for group, size in sizes.items():
        if size is not None:
            what = f"{words.items} of '{group}'"
            yield _Demand(wanted=wanted, what=what, size=size, where=where)


def _in_all(drawing: _Drawing) -> Iterator[_Demand]:
    """What a split asks of a source whose size is known, whatever the group."""
    source, draw, sizes = drawing.source, drawing.draw, drawing.source.sizes
    wanted = draw.items or (draw.per_group or 0) * max(1, len(sizes))
    limited = [size for size in sizes.values() if size is not None]
    what, file = source.words.items, source.file
    if file is not None and file.rows is not None:
        yield _Demand(wanted=wanted, what=what, size=file.rows, where=f"'{file.path}'")
    elif limited and len(limited) == len(sizes):
        yield _Demand(wanted=wanted, what=what, size=sum(limited), where=f"'{source.name}'")
