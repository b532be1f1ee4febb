"""What a check is: it objects to generated examples and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from dataenvgym_spec.gym.tasks.protocol import Scorer
from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.media import Picture
from dataenvgym_spec.records.splits import Reserve

Answers = Mapping[tuple[str, str], bool]
"""Whether a student answers a candidate right, by the candidate's id and target.

An engine may give one question two answers."""
Rates = Mapping[tuple[str, str], float]
"""The part of a student's answers to a candidate that are right, by the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What checks may look at, and change nothing of.

    Attributes:
        scorer: the task's scorer.
        accepted: the questions of the examples accepted so far, by id.
        reserve: what is reserved for splits; only for a check that is declared to read splits.
        answers: how the latest student does on the candidates; only for a check that is declared to
            read a student.
        rates: the same where several answers were drawn; only for such a check, too.
        file: where the file of a candidate's image is.
    """

    scorer: Scorer
    accepted: Mapping[str, str] = field(default_factory=dict)
    reserve: Reserve | None = None
    answers: Answers | None = None
    rates: Rates | None = None
    file: Callable[[Picture], Path] | None = None

    def answered(self, item: Item) -> bool | None:
        """Whether the student answers a candidate right; None if nobody asked it."""
        return None if self.answers is None else self.answers[item.id, item.target]

    def pass_rate(self, item: Item) -> float | None:
        """The part of the student's answers to a candidate that are right; None if nobody asked."""
        return None if self.rates is None else self.rates[item.id, item.target]

    def shown_to(self, reads: str | None) -> Sight:
        """What a check sees that is declared to read this.

        Each check has a reserve of its own: what one does to it, no other sees.
        """
        reserve = deepcopy(self.reserve) if reads == "splits" else None
        if reads == "student":
            return replace(self, reserve=None)
        return replace(self, reserve=reserve, answers=None, rates=None)


def answers_of(rows: Iterable[Result]) -> Answers:
    """From the rows of an evaluation."""
    return MappingProxyType({(row.id, row.target): row.correct for row in rows})


def rates_of(rows: Iterable[Result]) -> Rates:
    """From the rows of an evaluation; where one answer was drawn, it is all or nothing."""
    rates = {}
    for row in rows:
        marks = [sample.correct for sample in row.samples] or [row.correct]
        rates[row.id, row.target] = sum(marks) / len(marks)
    return MappingProxyType(rates)


class Check(Protocol):
    """Judges candidates, one property each.

    One that has a method `coming` is told before of all that it may be asked about, so that it can
    ask a teacher about many at once: `coming(examples, wanted)`, in the order of judging, with how
    many are wanted of each request. Candidates beyond that are judged only if earlier ones fail.
    """

    def objections(self, examples: Sequence[Example], sight: Sight) -> Sequence[str | None]:
        """Why each candidate should not be taught, or None where nothing speaks against it.

        Candidates come in the order of their requests, and few at a time: whether one is accepted
        can decide on the next.
        """
