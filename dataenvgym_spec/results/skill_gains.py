"""What teaching gained in each skill, beside how much of it was taught and how hard it was.

A policy that helps the weak should gain most where the base student was worst; one that only
repeats what it is good at gains nowhere. Both are seen here, and neither is proved by it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import fmean

from dataenvgym_spec.records.record import Record
from dataenvgym_spec.results.evidence.answers import Sides, answers_of
from dataenvgym_spec.results.evidence.contrasts import weigh
from dataenvgym_spec.results.evidence.scores import by_skill, share
from dataenvgym_spec.results.evidence.statistics import Estimate
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.run import Iteration, Run
from dataenvgym_spec.results.stage import EXAMPLES
from dataenvgym_spec.results.taught.learners import ALL, Learners


@dataclass(frozen=True, slots=True, kw_only=True)
class TaughtSkill:
    """One skill in one arm, on the sealed test; means over runs.

    Attributes:
        arm: the arm.
        skill: the skill.
        items: sealed items of it.
        examples: taught up to the best student.
        base: the accuracy of the base student.
        best: the accuracy of the best one.
        change: the best student less the base with its interval, as of a contrast; None where the
            runs have not labelled the same items with the skill.
    """

    arm: str
    skill: str
    items: int
    examples: float
    base: float
    best: float
    change: Estimate | None = None

    @property
    def gain(self) -> float:
        """What the best student has more than the base."""
        return self.best - self.base


class _OfSkill(Record, frozen=True, kw_only=True):
    """Of an example no more than its skill."""

    skill: str


def taught_skills(results: Results) -> tuple[TaughtSkill, ...]:
    """The skills of every arm that both its agent and the sealed test know by name.

    Where skills are found and test items are not labelled with them there is none.
    """
    found = []
    learners = Learners(results.stages)
    for arm in results.index.arms:
        rows: dict[str, list[TaughtSkill]] = {}
        answers: dict[str, dict[int, Sides]] = {}
        for run in results.of_arm(arm):
            for row, sides in _of_run(run, learners):
                rows.setdefault(row.skill, []).append(row)
                answers.setdefault(row.skill, {})[run.seed] = sides
        for skill in sorted(rows):
            found.append(replace(_mean(rows[skill]), change=_change(answers[skill])))
    return tuple(found)


def _change(answers: Mapping[int, Sides]) -> Estimate | None:
    """What changed in a skill over the runs, if it has the same items in each."""
    first, *others = (one.shared for one in answers.values())
    return weigh(answers).difference if first and all(one == first for one in others) else None


def _of_run(run: Run, learners: Learners) -> Iterator[tuple[TaughtSkill, Sides]]:
    best = run.iteration_of("best")
    if best is None:
        return
    names = run.names("test")
    before, after = by_skill(run.sealed("base"), names), by_skill(run.sealed("best"), names)
    taught: Counter[str] = Counter()
    planned: set[str] = set()
    for turn in run.iterations[1 : 1 + best]:
        planned |= turn.allocation.keys()
        taught += _taught(turn, learners)
    for skill in before.keys() & after.keys() & planned:
        old, new = before[skill], after[skill]
        row = TaughtSkill(
            arm=run.arm,
            skill=skill,
            items=len(old),
            examples=taught[skill],
            base=share(old).value,
            best=share(new).value,
        )
        yield row, Sides(first=answers_of(new), second=answers_of(old))


def _taught(turn: Iteration, learners: Learners) -> Counter[str]:
    """The accepted examples of an iteration that its training took, by skill."""
    taught: Counter[str] = Counter()
    for training in turn.of("train"):
        for check in turn.of("check"):
            rows = learners.rows(training, check)
            if rows is ALL:
                tally = check.tally().items()
                taught += Counter({skill: fates.get("accepted", 0) for skill, fates in tally})
            elif rows:
                every = enumerate(check.each("accepted", EXAMPLES, _OfSkill))
                taught.update(example.skill for row, example in every if row in rows)
    return taught


def _mean(rows: list[TaughtSkill]) -> TaughtSkill:
    return TaughtSkill(
        arm=rows[0].arm,
        skill=rows[0].skill,
        items=max(row.items for row in rows),
        examples=fmean(row.examples for row in rows),
        base=fmean(row.base for row in rows),
        best=fmean(row.best for row in rows),
    )
