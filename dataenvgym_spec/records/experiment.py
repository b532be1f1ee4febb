"""The index of an experiment: which stage belongs to which arm, seed and iteration.

Stages never depend on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec

from dataenvgym_spec.records.agreement import disagreements
from dataenvgym_spec.records.record import Record

SPECS: Final = (".yaml", ".yml")
"""What the name of a spec ends in."""


class Copy(Record, frozen=True, kw_only=True):
    """What a stage is to the noise floor of an experiment.

    Attributes:
        of: what is done again: the evaluation of a student, or its training. `student` is no copy:
            the student's own answers, where copies answer a split that it would not answer.
        number: of the copy, from 1 on; its salt.
    """

    of: Literal["student", "reevaluate", "retrain"]
    number: int = 0


class StageUse(Record, frozen=True, kw_only=True):
    """Where an experiment uses a stage.

    `iteration` None is outside of the loop; `baseline` is the name of the prompt that an untaught
    student is asked with in place of its own, `probe` of another test set, and `each` the iteration
    whose student is tested for the report alone. `copy` is what it is to the noise floor.
    """

    arm: str
    seed: int
    iteration: int | None
    label: str
    baseline: str | None = None
    probe: str | None = None
    each: int | None = None
    copy: Copy | None = None


class IndexedStage(Record, frozen=True, kw_only=True):
    """A stage of the experiment: its directory in the store, what it reads, and its uses."""

    directory: str
    key: str
    kind: str
    inputs: tuple[str, ...]
    uses: tuple[StageUse, ...]


Student = Literal["best", "last", "base"] | int
"""A student of an arm: by what it is, or by the iteration that taught it."""


class Question(Record, frozen=True, kw_only=True):
    """A contrast that the spec declares.

    Attributes:
        arm: the arm in question.
        against: the arm that it is compared with, which may be the same.
        student: which student of the arm in question.
        split: `test`, `selection`, or the name of another test set.
        primary: whether the experiment was made for it.
        other: which student of the other arm; None where it is the same.
        skill: the skill whose items are compared; None for all.
        slice: the part of the items that is compared, by names of slices; empty for all.
        equivalence: by how many points they may differ and be called equivalent; None if nobody
            asks.
    """

    arm: str
    against: str
    student: Student = "best"
    split: str = "test"
    primary: bool = False
    other: Student | None = None
    skill: str | None = None
    slice: tuple[tuple[str, str], ...] = ()
    equivalence: float | None = None

    @property
    def second(self) -> Student:
        """The student of the other arm."""
        return self.student if self.other is None else self.other

    @property
    def title(self) -> str:
        """What tells it from the other contrasts of an experiment, in one line.

        >>> Question(arm="a", against="b").title
        'a - b, best'
        >>> Question(arm="a", against="a", other="base", split="selection", skill="gcd").title
        'a - a (base), best, selection, skill gcd'
        """
        other = "" if self.other is None else f" ({called(self.other)})"
        parts = [f"{self.arm} - {self.against}{other}", called(self.student)]
        if self.split != "test":
            parts.append(self.split)
        return ", ".join((*parts, *self.part))

    @property
    def part(self) -> tuple[str, ...]:
        """The part of the items that it is about, in words; empty for all."""
        parts = [] if self.skill is None else [f"skill {self.skill}"]
        parts += [f"{name} {value}" for name, value in self.slice]
        return tuple(parts)


def called(student: Student) -> str:
    """What a student is called.

    >>> called("best"), called(3)
    ('best', 'iteration 3')
    """
    return student if isinstance(student, str) else f"iteration {student}"


class Copies(Record, frozen=True, kw_only=True):
    """The copies that an experiment makes for its noise floor, and of which student.

    Attributes:
        reevaluate: evaluations.
        retrain: trainings.
        iteration: whose student it is; 0 is the untaught one.
        split: what they answer.
    """

    arm: str
    seed: int
    iteration: int
    split: Literal["selection", "test"]
    reevaluate: int
    retrain: int


class Index(Record, frozen=True, kw_only=True):
    """What the compiler says of an experiment; `experiments/<name>.json`.

    Attributes:
        iterations: by arm.
        contrasts: what the report compares.
        settings: the resolved spec of each arm, less what makes no difference to results.
        inputs: digests of the files that the spec reads, by path.
        sweep: the spec's name, if the experiment is a point of a sweep.
        stamps: what the report says of splits that are used in two roles.
        noise: the noise floor, if the spec asks for one.
        stages: in topological order.
    """

    name: str
    description: str
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    iterations: dict[str, int]
    contrasts: tuple[Question, ...]
    settings: dict[str, dict[str, Any]]
    inputs: dict[str, str]
    sweep: str | None = None
    stamps: tuple[str, ...] | None = None
    noise: Copies | None = None
    stages: tuple[IndexedStage, ...] = ()
    format: int = 1

    @classmethod
    def parse(cls, content: Any) -> Index:
        """The index that JSON values hold.

        Raises:
            msgspec.ValidationError: they are not of this shape, or do not agree with each other.
        """
        parsed = msgspec.convert(content, cls)
        for fault in disagreements(parsed):
            raise msgspec.ValidationError(fault)
        return parsed

    @property
    def specs(self) -> list[str]:
        """The specs that it was made from: its own and its parents."""
        return spec_files(self.inputs)


def spec_files(inputs: Iterable[str]) -> list[str]:
    """The specs among the files that an experiment was made from, by their paths.

    >>> spec_files({"specs/b.yaml": "", "specs/a.yaml": "", "specs/prompts/a.j2": ""})
    ['specs/a.yaml', 'specs/b.yaml']
    """
    return sorted(path for path in inputs if path.endswith(SPECS))
