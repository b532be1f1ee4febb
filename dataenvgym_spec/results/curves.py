"""What the figures show: learning curves, skills by iteration, allocation, yield. Records only; `drawing` draws them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean

from dataenvgym_spec.results.evidence.statistics import Estimate, over_seeds, proportion
from dataenvgym_spec.results.experiment import Iteration, Results, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A student of one iteration on the selection split."""

    iteration: int
    examples: float
    accuracy: Estimate
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The learning curve of a run; over several runs `seed`, `best` and `stopped` are None.

    `stopped` is the iteration after which the loop stopped on selection, and the curve ends; None if it did not.
    """

    arm: str
    seed: int | None
    points: tuple[Point, ...]
    best: int | None
    stopped: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Skills (rows) by iterations (columns) in one arm, a mean over its runs; None where there is nothing.

    Attributes:
        arm: the arm.
        skills: names of the rows.
        iterations: numbers of the columns.
        cells: the values, row by row.
        items: selection items per skill; empty for amounts of data.
    """

    arm: str
    skills: tuple[str, ...]
    iterations: tuple[int, ...]
    cells: tuple[tuple[float | None, ...], ...]
    items: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Yield:
    """What became of the candidates of one iteration of one arm, summed over its runs."""

    arm: str
    iteration: int
    requested: int
    accepted: int
    surplus: int
    rejected: tuple[tuple[str, int], ...]

    @property
    def candidates(self) -> int:
        """All that were generated."""
        return self.accepted + self.surplus + sum(count for _, count in self.rejected)


def curves(results: Results) -> tuple[Curve, ...]:
    """Accuracy on the selection split after every iteration, per run."""
    return tuple(_curve(run) for run in results.runs)


def _curve(run: Run) -> Curve:
    examples = list(accumulate((len(turn.accepted) for turn in run.iterations[1:]), initial=0))
    points = []
    for turn, total in zip(run.iterations, examples, strict=True):
        rows = turn.results("selection")
        if rows:
            accuracy = proportion(sum(row["correct"] for row in rows), len(rows))
            points.append(
                Point(iteration=turn.number, examples=total, accuracy=accuracy, items=len(rows))
            )
    return Curve(
        arm=run.arm,
        seed=run.seed,
        points=tuple(points),
        best=run.choice["best"] if run.choice else None,
        stopped=run.stopped,
    )


def mean_curves(found: Sequence[Curve]) -> tuple[Curve, ...]:
    """One curve per arm: the run's own, or the mean over runs with intervals over runs."""
    arms: dict[str, list[Curve]] = {}
    for curve in found:
        arms.setdefault(curve.arm, []).append(curve)
    return tuple(mine[0] if len(mine) == 1 else _mean(mine) for mine in arms.values())


def _mean(mine: Sequence[Curve]) -> Curve:
    points = []
    for iteration in sorted({point.iteration for curve in mine for point in curve.points}):
        found = [point for curve in mine for point in _standing(curve, iteration)]
        # The base is one student for all runs: its interval is over items.
        accuracy = (
            found[0].accuracy
            if iteration == 0 or len(found) == 1
            else over_seeds([point.accuracy.value for point in found], least=0.0, most=1.0)
        )
        points.append(
            Point(
                iteration=iteration,
                examples=fmean(point.examples for point in found),
                accuracy=accuracy,
                items=found[0].items,
            )
        )
    return Curve(arm=mine[0].arm, seed=None, points=tuple(points), best=None)


def _standing(curve: Curve, iteration: int) -> list[Point]:
    """The point of a run in a mean: without a stopped run's last student, the mean would be of ever fewer, and of other, runs."""
    number = iteration if curve.stopped is None else min(iteration, curve.stopped)
    return [point for point in curve.points if point.iteration == number]


def skill_grids(results: Results) -> tuple[Grid, ...]:
    """Accuracy on the selection split by skill and iteration, one grid per arm."""
    return _grids(results, lambda run, number: _accuracies(run.standing(number)), first=0)


def _accuracies(turn: Iteration) -> dict[str, tuple[float, int]]:
    groups: dict[str, list[bool]] = {}
    for row in turn.results("selection"):
        groups.setdefault(row["group"], []).append(row["correct"])
    return {skill: (sum(found) / len(found), len(found)) for skill, found in groups.items()}


def allocation_grids(results: Results) -> tuple[Grid, ...]:
    """Examples planned by skill and iteration, one grid per arm."""
    return _grids(results, lambda run, number: _allocation(run.iterations[number]), first=1)


def _allocation(turn: Iteration) -> dict[str, tuple[float, int]]:
    return {
        skill: (float(count), 0) for skill, count in (turn.plan or {}).get("allocation", {}).items()
    }


def _grids(
    results: Results, values: Callable[[Run, int], dict[str, tuple[float, int]]], *, first: int
) -> tuple[Grid, ...]:
    out = []
    for arm in results.index["arms"]:
        runs = [run for run in results.runs if run.arm == arm]
        numbers = range(first, 1 + max(run.reached for run in runs))
        out.append(
            _grid(arm, {number: [values(run, number) for run in runs] for number in numbers})
        )
    return tuple(out)


def _grid(arm: str, turns: dict[int, list[dict[str, tuple[float, int]]]]) -> Grid:
    seen = [found for many in turns.values() for found in many]
    skills = tuple(sorted({skill for found in seen for skill in found}))
    counts = tuple(max(found[skill][1] for found in seen if skill in found) for skill in skills)
    cells = tuple(
        tuple(
            _cell([found[skill][0] for found in many if skill in found]) for many in turns.values()
        )
        for skill in skills
    )
    return Grid(
        arm=arm,
        skills=skills,
        iterations=tuple(turns),
        cells=cells,
        items=counts if any(counts) else (),
    )


def _cell(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def yields(results: Results) -> tuple[Yield, ...]:
    """What became of the candidates, per arm and iteration."""
    totals: dict[tuple[str, int], tuple[int, dict[str, int]]] = {}
    for run in results.runs:
        for turn in run.iterations[1 : 1 + run.reached]:
            requested, counts = totals.setdefault((run.arm, turn.number), (0, {}))
            for by_what in turn.tally.values():
                for what, count in by_what.items():
                    counts[what] = counts.get(what, 0) + count
            asked = sum((turn.plan or {}).get("allocation", {}).values())
            totals[run.arm, turn.number] = (requested + asked, counts)
    return tuple(
        _yield(arm, iteration, asked, counts)
        for (arm, iteration), (asked, counts) in totals.items()
    )


def _yield(arm: str, iteration: int, requested: int, counts: dict[str, int]) -> Yield:
    rejected = tuple(
        sorted(
            (what, count) for what, count in counts.items() if what not in ("accepted", "surplus")
        )
    )
    accepted, surplus = counts.get("accepted", 0), counts.get("surplus", 0)
    return Yield(
        arm=arm,
        iteration=iteration,
        requested=requested,
        accepted=accepted,
        surplus=surplus,
        rejected=rejected,
    )
