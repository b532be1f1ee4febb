"""What a check is given and what it says."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Protocol

from dataenvgym_spec.gym.tasks.protocol import Scorer
from dataenvgym_spec.records.items import Item, in_lane


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """What examples must keep clear of; see the stage kind `reserve`."""

    seed: int
    lanes: Mapping[str, Sequence[float]]
    items: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, content: dict[str, Any]) -> Reserve:
        """From the content of `reserve.json`."""
        roles = content["roles"]
        return cls(
            seed=content["seed"],
            lanes=MappingProxyType(
                {role: tuple(part["lane"]) for role, part in roles.items() if "lane" in part}
            ),
            items=MappingProxyType(
                {role: frozenset(part["items"]) for role, part in roles.items() if "items" in part}
            ),
        )

    def holder(self, item: Item, roles: Collection[str]) -> str | None:
        """Which of some roles an item is reserved for."""
        for role, lane in self.lanes.items():
            if role in roles and in_lane(self.seed, item.cluster, lane):
                return role
        return next(
            (role for role, ids in self.items.items() if role in roles and item.id in ids), None
        )


Answers = Mapping[tuple[str, str], bool]
"""Whether a student answers a candidate right, by the candidate's id and target: an engine may give one question two answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What checks may look at, and change nothing of: they only object.

    Attributes:
        scorer: the task's scorer.
        accepted: the ids of the examples accepted so far.
        reserve: what is reserved for splits; only for a check that is declared to read splits.
        answers: how the latest student does on the candidates; only for a check that is declared to read a student.
    """

    scorer: Scorer
    accepted: Set[str] = frozenset()
    reserve: Reserve | None = None
    answers: Answers | None = None

    def answered(self, item: Item) -> bool | None:
        """Whether the student answers a candidate right; None if nobody asked it."""
        return None if self.answers is None else self.answers[item.id, item.target]

    def shown_to(self, reads: str | None) -> Bench:
        """What a check sees that is declared to read this."""
        return replace(
            self,
            reserve=self.reserve if reads == "splits" else None,
            answers=self.answers if reads == "student" else None,
        )


def answers_of(rows: Iterable[Mapping[str, Any]]) -> Answers:
    """From the rows of an evaluation."""
    return MappingProxyType({(row["id"], row["target"]): row["correct"] for row in rows})


class Check(Protocol):
    """Judges one candidate."""

    def objection(self, item: Item, bench: Bench) -> str | None:
        """Why the candidate should not be taught, or None."""
