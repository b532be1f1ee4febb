"""The students' scores: accuracies, outcomes on the sealed test, gains.

The only place that decides what is averaged; declared contrasts are in `contrasts`. Report,
tracking and notebooks show these records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.results.evidence.answers import answers_of
from dataenvgym_spec.results.evidence.passes import passes
from dataenvgym_spec.results.evidence.statistics import (
    Estimate,
    Paired,
    clustered_proportion,
    deviation,
    mean_over_runs,
    paired,
)
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many of some items are right."""

    right: int
    items: int

    @property
    def value(self) -> float:
        """The accuracy."""
        return self.right / self.items


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One student on the sealed test. Over several runs `seed` is None, and counts are means.

    Attributes:
        iteration: whose student it is; None where that varies over runs.
        examples: examples taught up to it.
        asked: examples that plans asked for up to it.
        deviation: the standard deviation of the accuracy over runs; None for a single run.
        passes: pass@k by k, where several answers to an item were drawn.
    """

    arm: str
    seed: int | None
    student: str
    iteration: int | None
    examples: float
    asked: float
    accuracy: Estimate
    items: int
    unparseable: float
    truncated: float
    deviation: float | None = None
    passes: tuple[tuple[int, Estimate], ...] = ()


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


def share(rows: Sequence[Result]) -> Share:
    """How many answers are right."""
    return Share(right=sum(row.correct for row in rows), items=len(rows))


def accuracy(rows: Sequence[Result]) -> Estimate:
    """The accuracy of some answers with its interval over items, or over their clusters.

    Raises:
        ValueError: there are none.
    """
    return clustered_proportion((row.unit, row.correct) for row in rows)


def by_skill(
    rows: Sequence[Result], names: Mapping[str, str] | None = None
) -> dict[str, list[Result]]:
    """Answers by skill, in the order in which skills appear.

    Args:
        rows: the answers.
        names: the skill of each item, by its id; left out, it is what the source says. An item
            that has none is left out.
    """
    groups: dict[str, list[Result]] = {}
    for row in rows:
        skill = row.group if names is None else names.get(row.id)
        if skill is not None:
            groups.setdefault(skill, []).append(row)
    return groups


def shares_by_skill(
    rows: Sequence[Result], names: Mapping[str, str] | None = None
) -> dict[str, Share]:
    """How many answers are right in each skill; see `by_skill`."""
    return {skill: share(members) for skill, members in by_skill(rows, names).items()}


def outcomes(results: Results) -> tuple[Outcome, ...]:
    """Base, baselines, best and last of every run on the sealed test, in that order.

    As far as they are there.
    """
    found: list[Outcome] = []
    for run in results.runs:
        for student in run.students:
            found += outcomes_of([run], student)
    return tuple(found)


def outcomes_of(runs: Sequence[Run], student: str) -> tuple[Outcome, ...]:
    """One student of some runs on the sealed test, as far as it is there."""
    found = [_outcome(run, student) for run in runs]
    return tuple(outcome for outcome in found if outcome is not None)


def _outcome(run: Run, student: str) -> Outcome | None:
    iteration = run.iteration_of(student)
    return None if iteration is None else outcome_of(run, student, iteration, run.sealed(student))


def outcome_of(run: Run, student: str, iteration: int, rows: Sequence[Result]) -> Outcome | None:
    """What a student's answers come to; None without any.

    Args:
        run: whose student it is.
        student: what it is called.
        iteration: its own.
        rows: the answers.
    """
    if not rows:
        return None
    return Outcome(
        arm=run.arm,
        seed=run.seed,
        student=student,
        iteration=iteration,
        examples=run.examples(iteration),
        asked=run.asked(iteration),
        accuracy=accuracy(rows),
        items=len(rows),
        unparseable=sum(row.unparseable for row in rows),
        truncated=sum(row.truncated for row in rows),
        passes=passes(rows),
    )


def summaries(results: Results, outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
    """One outcome per arm and student: the run's own, or the mean over runs."""
    rows = []
    for arm in results.index.arms:
        for student in dict.fromkeys(item.student for item in outcomes if item.arm == arm):
            mine = [item for item in outcomes if (item.arm, item.student) == (arm, student)]
            if mine:
                rows.append(summary(mine))
    return tuple(rows)


def summary(mine: Sequence[Outcome]) -> Outcome:
    """One student of one arm: the run's own outcome, or the mean over runs.

    Args:
        mine: its outcomes in the runs of the arm; at least one.
    """
    first = mine[0]
    if len(mine) == 1:
        return first
    spread = deviation([outcome.accuracy.value for outcome in mine])
    # Runs share one base student, and its answers if they are greedy: counts are no means.
    if first.iteration == 0 and not spread:
        return replace(first, seed=None, deviation=spread)
    iterations = {outcome.iteration for outcome in mine}
    return Outcome(
        arm=first.arm,
        seed=None,
        student=first.student,
        iteration=first.iteration if len(iterations) == 1 else None,
        examples=fmean(outcome.examples for outcome in mine),
        asked=fmean(outcome.asked for outcome in mine),
        accuracy=mean_over_runs([outcome.accuracy for outcome in mine]),
        items=first.items,
        unparseable=fmean(outcome.unparseable for outcome in mine),
        truncated=fmean(outcome.truncated for outcome in mine),
        deviation=spread,
        passes=_mean_passes(mine),
    )


def _mean_passes(mine: Sequence[Outcome]) -> tuple[tuple[int, Estimate], ...]:
    means = []
    for of_runs in zip(*(outcome.passes for outcome in mine), strict=True):
        means.append((of_runs[0][0], mean_over_runs([estimate for _, estimate in of_runs])))
    return tuple(means)


def gains(results: Results) -> tuple[Gain, ...]:
    """What the best student of each run answers differently from its base, on the sealed test."""
    found = [gain_of(run) for run in results.runs]
    return tuple(gain for gain in found if gain is not None)


def gain_of(run: Run) -> Gain | None:
    """What the best student of one run answers differently from its base; None before both do."""
    base, best = run.sealed("base"), run.sealed("best")
    answers, before = answers_of(best), answers_of(base).right
    after = answers.right
    shared = before.keys() & after.keys()
    iteration = run.iteration_of("best")
    if not shared or iteration is None:
        return None
    groups: dict[str, list[str]] = {}
    for row in base:
        if row.id in shared:
            groups.setdefault(row.group, []).append(row.id)
    skills = [_skill_gain(skill, groups[skill], before, after) for skill in sorted(groups)]
    return Gain(
        arm=run.arm,
        seed=run.seed,
        iteration=iteration,
        paired=paired(after, before, answers.clusters),
        both_right=sum(before[item] and after[item] for item in shared),
        both_wrong=sum(not before[item] and not after[item] for item in shared),
        skills=tuple(skills),
    )


def _skill_gain(
    skill: str, items: Sequence[str], before: Mapping[str, bool], after: Mapping[str, bool]
) -> SkillGain:
    fixed = [item for item in items if after[item] and not before[item]]
    broken = [item for item in items if before[item] and not after[item]]
    return SkillGain(
        skill=skill,
        items=len(items),
        base=sum(before[item] for item in items),
        best=sum(after[item] for item in items),
        fixed=len(fixed),
        broken=len(broken),
    )
