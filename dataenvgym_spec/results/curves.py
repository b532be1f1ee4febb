"""Learning curves, and skills by iteration, as records; `report.drawing` draws them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from statistics import fmean

from dataenvgym_spec.results.evidence.scores import accuracy, shares_by_skill
from dataenvgym_spec.results.evidence.statistics import Estimate, mean_over_runs
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.ledger import Cost, Ledger
from dataenvgym_spec.results.run import Iteration, Run
from dataenvgym_spec.results.teaching import teaching_costs


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """A student of one iteration on the selection split.

    Attributes:
        iteration: whose student it is.
        examples: examples taught up to it.
        accuracy: with its interval.
        items: how many it was asked.
        unparseable: how many of its answers could not be judged.
        truncated: how many ended at the length.
        tokens: that teaching took up to it: read, written and trained; None where that is not
            complete, or was not counted.
        usd: US dollars; None where that is not complete, or no price is known.
        gpu_minutes: minutes on GPUs, times the GPUs in use; None where that is not complete.
    """

    iteration: int
    examples: float
    accuracy: Estimate
    items: int
    unparseable: float = 0
    truncated: float = 0
    tokens: float | None = None
    usd: float | None = None
    gpu_minutes: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The learning curve of a run; over several runs `seed`, `best` and `stopped` are None.

    Attributes:
        best: the iteration that selection chose.
        stopped: the iteration after which the loop stopped on selection, and the curve ends; None
            if it did not.
    """

    arm: str
    seed: int | None
    points: tuple[CurvePoint, ...]
    best: int | None
    stopped: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Skills (rows) by iterations (columns) in one arm, a mean over its runs.

    Attributes:
        arm: the arm.
        skills: names of the rows.
        iterations: numbers of the columns.
        cells: the values, row by row; None where there is nothing.
        items: selection items per skill; empty for amounts of data.
    """

    arm: str
    skills: tuple[str, ...]
    iterations: tuple[int, ...]
    cells: tuple[tuple[float | None, ...], ...]
    items: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """The value of one skill in one iteration of one run, and the items that it rests on."""

    value: float
    items: int = 0


_Column = dict[str, _Cell]
"""The cells of one iteration of one run, by skill."""


def curves(results: Results) -> tuple[Curve, ...]:
    """Accuracy on the selection split after every iteration, per run."""
    return tuple(curve(run) for run in results.runs)


def curve(run: Run) -> Curve:
    """Accuracy on the selection split after every iteration of a run."""
    taught = [turn.taught for turn in run.iterations[1:]]
    totals = accumulate(taught, initial=0)
    points = []
    for turn, total in zip(run.iterations, totals, strict=True):
        rows = turn.results("selection")
        if rows:
            point = CurvePoint(
                iteration=turn.number,
                examples=total,
                accuracy=accuracy(rows),
                items=len(rows),
                unparseable=sum(row.unparseable for row in rows),
                truncated=sum(row.truncated for row in rows),
            )
            points.append(point)
    return Curve(
        arm=run.arm,
        seed=run.seed,
        points=tuple(points),
        best=run.iteration_of("best"),
        stopped=run.stopped,
    )


def with_costs(runs: Sequence[Run], curves: Sequence[Curve], ledger: Ledger) -> tuple[Curve, ...]:
    """Curves with what teaching took up to each point.

    Args:
        runs: some runs.
        curves: theirs, in their order.
        ledger: the costs of the experiment.
    """
    found = []
    for run, curve in zip(runs, curves, strict=True):
        costs = teaching_costs(run, ledger)
        points = [_with_cost(point, costs.get(point.iteration)) for point in curve.points]
        found.append(replace(curve, points=tuple(_known(points))))
    return tuple(found)


def _with_cost(point: CurvePoint, cost: Cost | None) -> CurvePoint:
    if cost is None:
        return point
    minutes = cost.gpu_seconds / 60
    return replace(point, tokens=cost.all_tokens, usd=cost.usd, gpu_minutes=minutes)


def _known(points: Sequence[CurvePoint]) -> list[CurvePoint]:
    """The points without tokens or dollars of which there are none in the whole run.

    Teaching always takes some: logs did not count them, or no price was known.
    """
    counted, priced = any(point.tokens for point in points), any(point.usd for point in points)
    shown = []
    for point in points:
        tokens, usd = point.tokens if counted else None, point.usd if priced else None
        shown.append(replace(point, tokens=tokens, usd=usd))
    return shown


def mean_curves(curves: Sequence[Curve]) -> tuple[Curve, ...]:
    """One curve per arm: the run's own, or the mean over runs with intervals over runs."""
    arms: dict[str, list[Curve]] = {}
    for curve in curves:
        arms.setdefault(curve.arm, []).append(curve)
    return tuple(arm_curve(mine) for mine in arms.values())


def arm_curve(mine: Sequence[Curve]) -> Curve:
    """The curve of an arm, from those of its runs: the only one's own, or their mean.

    Each point of a mean is an iteration that all runs have: what it brought on average, at what it
    took on average. A mean at equal examples or tokens would be of other runs at every place, since
    hardly two runs ever took equally many, and would jump back and forth between them.
    """
    if len(mine) == 1:
        return mine[0]
    iterations = {point.iteration for curve in mine for point in curve.points}
    common = [number for number in iterations if all(_standing(curve, number) for curve in mine)]
    points = [_mean_point(mine, iteration) for iteration in sorted(common)]
    return Curve(arm=mine[0].arm, seed=None, points=tuple(points), best=None)


def _mean_point(mine: Sequence[Curve], iteration: int) -> CurvePoint:
    points = [point for curve in mine for point in _standing(curve, iteration)]
    return CurvePoint(
        iteration=iteration,
        examples=fmean(point.examples for point in points),
        accuracy=mean_over_runs([point.accuracy for point in points]),
        items=points[0].items,
        unparseable=fmean(point.unparseable for point in points),
        truncated=fmean(point.truncated for point in points),
        tokens=_mean_of([point.tokens for point in points]),
        usd=_mean_of([point.usd for point in points]),
        gpu_minutes=_mean_of([point.gpu_minutes for point in points]),
    )


def _mean_of(values: Sequence[float | None]) -> float | None:
    """The mean, if all are known."""
    known = [value for value in values if value is not None]
    return fmean(known) if len(known) == len(values) else None


def _standing(curve: Curve, iteration: int) -> list[CurvePoint]:
    """The point of a run in a mean over runs.

    A stopped run keeps its last student; without it, the mean would be of ever fewer, and of
    other, runs.
    """
    number = iteration if curve.stopped is None else min(iteration, curve.stopped)
    return [point for point in curve.points if point.iteration == number]


def skill_grids(results: Results) -> tuple[Grid, ...]:
    """Accuracy on the selection split by skill and iteration, one grid per arm."""
    return _grids(results, _accuracies, first=0)


def _accuracies(run: Run, number: int) -> _Column:
    rows = run.standing(number).results("selection")
    shares = shares_by_skill(rows, run.names("selection"))
    return {skill: _Cell(value=share.value, items=share.items) for skill, share in shares.items()}


def allocation_grids(results: Results) -> tuple[Grid, ...]:
    """Examples planned by skill and iteration, one grid per arm."""
    return _grids(results, lambda run, number: _allocation(run.iterations[number]), first=1)


def _allocation(turn: Iteration) -> _Column:
    return {skill: _Cell(value=float(count)) for skill, count in turn.allocation.items()}


def _grids(
    results: Results, column: Callable[[Run, int], _Column], *, first: int
) -> tuple[Grid, ...]:
    grids = []
    for arm in results.index.arms:
        runs = results.of_arm(arm)
        last = max(run.reached for run in runs)
        columns = {}
        for number in range(first, 1 + last):
            columns[number] = [column(run, number) for run in runs]
        grids.append(_grid(arm, columns))
    return tuple(grids)


def _grid(arm: str, columns: dict[int, list[_Column]]) -> Grid:
    """The mean over runs of some columns, by iteration."""
    every = [column for runs in columns.values() for column in runs]
    skills = tuple(sorted({skill for column in every for skill in column}))
    rows = []
    for skill in skills:
        cells = [_values(skill, runs) for runs in columns.values()]
        rows.append(tuple(fmean(values) if values else None for values in cells))
    counts = tuple(_most_items(skill, every) for skill in skills)
    return Grid(
        arm=arm,
        skills=skills,
        iterations=tuple(columns),
        cells=tuple(rows),
        items=counts if any(counts) else (),
    )


def _values(skill: str, columns: Iterable[_Column]) -> list[float]:
    return [column[skill].value for column in columns if skill in column]


def _most_items(skill: str, columns: Iterable[_Column]) -> int:
    return max(column[skill].items for column in columns if skill in column)
