"""The students' scores: outcomes on the sealed test, contrasts of arms, gains over the base. How they look is in `page`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from dataenvgym_spec.results.evidence.statistics import (
    Estimate,
    Paired,
    over_seeds,
    paired,
    proportion,
)
from dataenvgym_spec.results.experiment import Results, Row, Run

STUDENTS: Final = ("base", "best", "last")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One student on the sealed test. Over several runs `seed` is None, and counts are means."""

    arm: str
    seed: int | None
    student: str
    iteration: int | None
    examples: float
    accuracy: Estimate
    items: int
    unparseable: float
    truncated: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """A declared comparison: the first arm's student less the other's, on the same sealed items.

    Attributes:
        arm: the arm in question.
        against: the arm it is compared with.
        student: which student of each.
        primary: whether the experiment was made for it.
        difference: over items with one run per arm, over runs with several.
        items: how many items the students share.
        runs: the comparison in each run, by seed.
    """

    arm: str
    against: str
    student: str
    primary: bool
    difference: Estimate
    items: int
    runs: tuple[tuple[int, Paired], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillGain:
    """What became of one skill's test items between the base and the best student."""

    skill: str
    items: int
    base: int
    best: int
    fixed: int
    broken: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """The best student of a run against its base: answers fixed and broken."""

    arm: str
    seed: int
    iteration: int
    paired: Paired
    both_right: int
    both_wrong: int
    skills: tuple[SkillGain, ...]


def marks(rows: Sequence[Row]) -> dict[str, bool]:
    """Whether each item is answered right, by id."""
    return {row["id"]: row["correct"] for row in rows}


def outcomes(results: Results) -> tuple[Outcome, ...]:
    """Base, best and last of every run on the sealed test, in that order; what is not there yet is left out."""
    found = (_outcome(run, student) for run in results.runs for student in STUDENTS)
    return tuple(outcome for outcome in found if outcome)


def _outcome(run: Run, student: str) -> Outcome | None:
    rows = run.sealed(student)
    if not rows:
        return None
    iteration = run.choice[student] if student != "base" and run.choice else 0
    return Outcome(
        arm=run.arm,
        seed=run.seed,
        student=student,
        iteration=iteration,
        examples=run.examples(iteration),
        accuracy=proportion(sum(row["correct"] for row in rows), len(rows)),
        items=len(rows),
        unparseable=sum(row["unparseable"] for row in rows),
        truncated=sum(row["truncated"] for row in rows),
    )


def summaries(results: Results, found: Sequence[Outcome]) -> tuple[Outcome, ...]:
    """One outcome per arm and student: the run's own, or the mean over runs with an interval over runs."""
    out = []
    for arm in results.index["arms"]:
        for student in STUDENTS:
            mine = [
                outcome for outcome in found if (outcome.arm, outcome.student) == (arm, student)
            ]
            if mine:
                out.append(_summary(mine))
    return tuple(out)


def _summary(mine: Sequence[Outcome]) -> Outcome:
    first = mine[0]
    # Runs share one base student, evaluated once: it has no variance over runs, only over items.
    if len(mine) == 1 or first.student == "base":
        return first
    same = {outcome.iteration for outcome in mine}
    return Outcome(
        arm=first.arm,
        seed=None,
        student=first.student,
        iteration=first.iteration if len(same) == 1 else None,
        examples=fmean(outcome.examples for outcome in mine),
        accuracy=over_seeds([outcome.accuracy.value for outcome in mine], least=0.0, most=1.0),
        items=first.items,
        unparseable=fmean(outcome.unparseable for outcome in mine),
        truncated=fmean(outcome.truncated for outcome in mine),
    )


def contrasts(results: Results) -> tuple[Contrast, ...]:
    """The declared contrasts, the primary ones first; a contrast whose results are not there is left out."""
    found = (_contrast(results, row) for row in results.index["contrasts"])
    return tuple(
        sorted(
            (contrast for contrast in found if contrast), key=lambda contrast: not contrast.primary
        )
    )


def _contrast(results: Results, row: Row) -> Contrast | None:
    sealed = {
        (run.arm, run.seed): marks(run.sealed(row["student"]))
        for run in results.runs
        if run.arm in (row["arm"], row["against"])
    }
    runs = []
    for seed in results.index["seeds"]:
        first, second = sealed[row["arm"], seed], sealed[row["against"], seed]
        if first.keys() & second.keys():
            runs.append((seed, paired(first, second)))
    if not runs:
        return None
    differences = [pair.difference.value for _, pair in runs]
    return Contrast(
        arm=row["arm"],
        against=row["against"],
        student=row["student"],
        primary=row["primary"],
        difference=runs[0][1].difference
        if len(runs) == 1
        else over_seeds(differences, least=-1.0, most=1.0),
        items=runs[0][1].difference.count,
        runs=tuple(runs),
    )


def gains(results: Results) -> tuple[Gain, ...]:
    """What the best student of each run answers differently from its base, on the sealed test."""
    found = (_gain(run) for run in results.runs)
    return tuple(gain for gain in found if gain)


def _gain(run: Run) -> Gain | None:
    base, best = run.sealed("base"), run.sealed("best")
    before, after = marks(base), marks(best)
    shared = before.keys() & after.keys()
    if not shared or not run.choice:
        return None
    groups: dict[str, list[str]] = {}
    for row in base:
        if row["id"] in shared:
            groups.setdefault(row["group"], []).append(row["id"])
    return Gain(
        arm=run.arm,
        seed=run.seed,
        iteration=run.choice["best"],
        paired=paired(after, before),
        both_right=sum(before[item] and after[item] for item in shared),
        both_wrong=sum(not before[item] and not after[item] for item in shared),
        skills=tuple(
            _skill_gain(skill, items, before, after) for skill, items in sorted(groups.items())
        ),
    )


def _skill_gain(
    skill: str, items: Sequence[str], before: dict[str, bool], after: dict[str, bool]
) -> SkillGain:
    return SkillGain(
        skill=skill,
        items=len(items),
        base=sum(before[item] for item in items),
        best=sum(after[item] for item in items),
        fixed=sum(after[item] and not before[item] for item in items),
        broken=sum(before[item] and not after[item] for item in items),
    )
