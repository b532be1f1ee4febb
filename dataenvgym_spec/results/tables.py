"""Typed tables of results, for notebooks. What is in them is read in `notebook`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

from dataenvgym_spec.results.extra import require

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """A student on a split.

    Attributes:
        student: `base`, `best`, `last` or a baseline on the sealed test; empty for others.
        split: `selection` or `test`.
        items: how many it answered.
        correct: how many of them right.
        low: of the 95 % interval of the accuracy over items (Wilson's), by cluster where
            they come in clusters.
        high: of the same interval.
    """

    arm: str
    seed: int
    iteration: int
    student: str
    split: str
    items: int
    correct: int
    accuracy: float
    low: float
    high: float
    unparseable: int
    truncated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TogetherRow:
    """A student's answers to a split, taken together.

    Attributes:
        by: what the answers of a set have in common: `question`, `image` or `cluster`.
        sets: of more than one answer each.
        accuracy: the part of the sets in which every answer is right.
        low: of the 95 % interval of the accuracy, by cluster.
        high: of the same interval.
    """

    arm: str
    seed: int
    iteration: int
    student: str
    split: str
    by: str
    sets: int
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow:
    """A student's answer to one item.

    Attributes:
        cluster: the items that belong together with this one; its own id where it stands alone.
    """

    arm: str
    seed: int
    iteration: int
    student: str
    split: str
    id: str
    group: str
    input: str
    target: str
    prediction: str
    score: float
    correct: bool
    unparseable: bool
    truncated: bool
    cluster: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleRow:
    """An example that was judged.

    Attributes:
        round: 0, or the number of the refill.
        agent_round: of its iteration, from 1 on.
        accepted: whether it was taught.
        check: which check rejected it; empty if it was accepted.
        reason: the check's objection.
        plan: the key of the plan that it was generated for.
    """

    arm: str
    seed: int
    iteration: int
    round: int
    skill: str
    id: str
    input: str
    target: str
    accepted: bool
    check: str
    reason: str
    teacher: str
    plan: str
    agent_round: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """What an agent asked for, of one skill.

    Attributes:
        asked: examples that the plan asks for.
        accepted: examples that came of it.
        score_seen: the accuracy that the agent saw; None if it does not observe scores.
        reason: why, in the agent's words.
        agent_round: of its iteration, from 1 on.
    """

    arm: str
    seed: int
    iteration: int
    skill: str
    asked: int
    accepted: int
    score_seen: float | None
    reason: str
    agent_round: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillRow:
    """A student on the selection items of one group."""

    arm: str
    seed: int
    iteration: int
    group: str
    items: int
    correct: int
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseRow:
    """The student that the noise floor copies, or a copy of it.

    Attributes:
        copy_of: `student` is no copy; `reevaluate` and `retrain` are copies of its evaluation and
            of its training.
        number: of the copy, from 1 on.
        difference: of its accuracy to that of the student.
    """

    arm: str
    seed: int
    iteration: int
    split: str
    copy_of: str
    number: int
    items: int
    correct: int
    accuracy: float
    difference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """What one stage took; each stage once, however many arms share it.

    Attributes:
        stage: its directory in the store.
        label: what a person calls it, where it is used first.
        arms: the arms that use it, separated by a space.
        started: in seconds since the epoch.
        seconds: of work.
        prompt_tokens: tokens that teachers and students read.
        generated_tokens: tokens that they wrote.
        trained_tokens: tokens that were trained on.
        requests: that were made to teachers.
        reused: responses of teachers that another stage has paid for.
        images: that painters' services were paid for.
        usd: US dollars, by the table of prices.
        examples: accepted examples.
        passed: whether the loop had stopped, so that it did no work.
    """

    stage: str
    kind: str
    label: str
    arms: str
    started: float
    seconds: float
    prompt_tokens: int
    generated_tokens: int
    trained_tokens: int
    requests: int
    reused: int
    images: int
    usd: float
    examples: int
    device: str
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentRow:
    """A student that was trained.

    Attributes:
        path: its folder in the store, in the transformers or peft format. Of a base student from
            the hub or from a folder it holds a `reference.json` alone; `Notebook.folder` finds it.
        adapter: whether it is an adapter on the base student of iteration 0.
        best: whether it is the best on selection.
        last: whether it is the last.
    """

    arm: str
    seed: int
    iteration: int
    path: Path
    adapter: bool
    best: bool
    last: bool


@dataclass(frozen=True, slots=True)
class Table(Generic[R]):
    """Rows of one type, in order."""

    kind: type[R]
    rows: tuple[R, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(field.name for field in fields(self.kind))  # type: ignore[arg-type]

    def to_pandas(self) -> Any:
        """The table as a `pandas.DataFrame`; the columns are there even if there are no rows.

        Raises:
            MissingExtra: pandas is not installed.
        """
        require("frames", "to_pandas()", "pandas")
        import pandas

        return pandas.DataFrame(self.to_dicts(), columns=list(self.columns))

    def to_dicts(self) -> list[dict[str, Any]]:
        """The rows as mappings from column to value."""
        return [asdict(row) for row in self.rows]  # type: ignore[call-overload]

    def __iter__(self) -> Iterator[R]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> R: ...
    @overload
    def __getitem__(self, index: slice) -> Table[R]: ...
    def __getitem__(self, index: int | slice) -> R | Table[R]:
        if isinstance(index, slice):
            return Table(self.kind, self.rows[index])
        return self.rows[index]

    def __repr__(self) -> str:
        return f"<Table of {len(self.rows)} rows: {', '.join(self.columns)}>"
