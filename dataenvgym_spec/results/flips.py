"""What each iteration made right and wrong on selection, against the student before it.

A curve that stands still may be a student that stands still, or one that learns one thing and loses
another in every iteration.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

from dataenvgym_spec.results.evidence.answers import answers_of
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """The answers of one iteration's students in one arm against those before; means over runs.

    Attributes:
        fixed: wrong before, and right after it.
        broken: right before, and wrong after it.
        items: how many both answered.
    """

    arm: str
    iteration: int
    fixed: float
    broken: float
    items: float


def flips(results: Results) -> tuple[Flips, ...]:
    """The flips of every arm and iteration, of those iterations that all runs of the arm have.

    In a run that has stopped nothing flips any more.
    """
    found = []
    for arm in results.index.arms:
        runs = results.of_arm(arm)
        for number in range(1, 1 + max(run.reached for run in runs)):
            counted = [_counted(run, number) for run in runs]
            rows = [row for row in counted if row is not None]
            if len(rows) == len(runs):
                fixed, broken, items = map(fmean, zip(*rows, strict=True))
                row = Flips(arm=arm, iteration=number, fixed=fixed, broken=broken, items=items)
                found.append(row)
    return tuple(found)


def _counted(run: Run, number: int) -> tuple[int, int, int] | None:
    """What an iteration fixed, what it broke, and of how many; None before both students are."""
    before, after = run.standing(number - 1), run.standing(number)
    old = answers_of(before.results("selection")).right
    new = answers_of(after.results("selection")).right
    shared = old.keys() & new.keys()
    if not shared:
        return None
    fixed = sum(new[item] and not old[item] for item in shared)
    broken = sum(old[item] and not new[item] for item in shared)
    return fixed, broken, len(shared)
