"""Evaluations: a student's answers with their scores, and what was decided on them."""

from __future__ import annotations

from dataenvgym_spec.records.media import Picture
from dataenvgym_spec.records.record import Record
from dataenvgym_spec.records.turns import ToolSchema, Turn


class Sample(Record, frozen=True, kw_only=True):
    """One of several answers that were drawn for an item; see `Result`."""

    prediction: str
    score: float
    correct: bool
    unparseable: bool
    truncated: bool


class Result(Record, frozen=True, kw_only=True):
    """A student's answer to one item; a row of `results.jsonl`.

    Where several answers were drawn it is the first of them, which is a draw like any other; so
    accuracies mean the same whatever their number.

    Attributes:
        score: from 0 to 1; `correct` means 1.
        unparseable: whether no answer could be read.
        truncated: whether the answer was cut at the longest length allowed.
        iteration: whose answer it is, where several students are scored in one stage.
        samples: all answers, the first one included, where several were drawn.
        images: what the item shows; their files are in the port of the item.
        cluster: the items that belong together with this one; None for an item on its own.
        slices: what the report tells the item apart by besides its group, by name.
        before: what was said before the question.
        tools: what the answer might call.
    """

    id: str
    group: str
    input: str
    target: str
    prediction: str
    score: float
    correct: bool
    unparseable: bool
    truncated: bool
    iteration: int | None = None
    cluster: str | None = None
    samples: tuple[Sample, ...] = ()
    images: tuple[Picture, ...] = ()
    slices: dict[str, str] | None = None
    before: tuple[Turn, ...] = ()
    tools: tuple[ToolSchema, ...] = ()

    @property
    def unit(self) -> str:
        """What would be drawn anew with it: its cluster, or the item where it stands alone."""
        return self.id if self.cluster is None else self.cluster


class Choice(Record, frozen=True, kw_only=True):
    """Which iterations' students are best and last, with the selection scores; `choice.json`."""

    best: int
    last: int
    accuracy: tuple[float, ...]


class Stopped(Record, frozen=True, kw_only=True):
    """What a gate says; `gate.json`."""

    stop: bool
