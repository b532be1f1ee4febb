"""Which answers a contrast compares: a student's on a split, or on a part of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.experiment import Question
from dataenvgym_spec.results.run import Run
from dataenvgym_spec.results.stage import StageResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """A student's answers, by item id: whether each is right, and the cluster of its item."""

    right: dict[str, bool]
    clusters: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The answers of the two students of a contrast in one run."""

    first: Answers
    second: Answers

    @property
    def shared(self) -> list[str]:
        """The items that both answered, in order."""
        return sorted(self.first.right.keys() & self.second.right.keys())


def answers_of(rows: Sequence[Result]) -> Answers:
    """Answers by item."""
    right = {row.id: row.correct for row in rows}
    return Answers(right=right, clusters={row.id: row.unit for row in rows})


def scored(run: Run, student: str | int, split: str) -> StageResult | None:
    """The stage that scores a student of a run on a split; None before it is done.

    Args:
        run: whose student it is.
        student: which of them; after a stop, the last one stands for those of later iterations.
        split: `test`, `selection`, or the name of another test set.
    """
    if split == "selection":
        number = run.iteration_of(student)
        return None if number is None else run.iterations[number].evaluation("selection")
    if isinstance(student, int):
        stage = run.each.get(run.standing(student).number)
        return stage if stage is not None and stage.done else None
    return _on(run, split).sealed_evaluation(student)


def rows_of(run: Run, student: str | int, split: str) -> list[Result]:
    """A student's answers on a split; empty before they are there."""
    if split != "selection" and not isinstance(student, int):
        # Best and last are scored in one stage: the run tells their rows apart.
        return _on(run, split).sealed(student)
    stage = scored(run, student, split)
    return [] if stage is None else stage.rows(split, "results.jsonl", Result)


def _on(run: Run, split: str) -> Run:
    return run if split == "test" else run.on_probe(split)


def sides(first: Run, second: Run, question: Question) -> Sides:
    """The answers that a contrast compares in one run, to the part that it is about."""
    split = question.split
    mine, others = (
        rows_of(first, question.student, split),
        rows_of(second, question.second, split),
    )
    # Labels are the arm's in question: other arms may have found other skills.
    names = first.names(split)
    asked = (question.skill, question.slice, names)
    return Sides(
        first=answers_of(of_part(mine, *asked)), second=answers_of(of_part(others, *asked))
    )


def of_part(
    rows: Sequence[Result],
    skill: str | None,
    slices: Sequence[tuple[str, str]],
    names: Mapping[str, str] | None,
) -> list[Result]:
    """The answers to a part of the items, such as that which a contrast is about.

    Args:
        rows: the answers.
        skill: that the items have; None for any.
        slices: that they are in, by name.
        names: the skill of every item; None where it is the group of the source.
    """

    def asked(row: Result) -> bool:
        if skill is not None and skill != (row.group if names is None else names.get(row.id)):
            return False
        told = row.slices or {}
        return all(told.get(name) == value for name, value in slices)

    return [row for row in rows if asked(row)]
