"""Skills as an agent knows them: how well the student does, and the trees of their subskills."""

from __future__ import annotations

from math import sqrt
from typing import Annotated, Final

from msgspec import Meta

from dataenvgym_spec.records.record import Record

Z: Final = 1.959963984540054
"""The normal quantile of a 95% interval, both ends."""

Amount = Annotated[int, Meta(ge=0)]
"""A number of examples, or of subskills."""


def wilson(right: float, items: int) -> tuple[float, float]:
    """The ends of the Wilson interval of a share (Wilson 1927), 95%.

    It stays inside [0, 1] and has a width at 0 and at 1 too.

    Examples:
        >>> low, high = wilson(8, 10)
        >>> round(low, 3), round(high, 3)
        (0.49, 0.943)
    """
    # Written out: tracking runs after every iteration, and `scipy.stats` takes a second to import.
    # The form is Newcombe's (1998), which scipy uses.
    share, squared = right / items, Z**2
    scale = 2 * (items + squared)
    middle = (2 * items * share + squared) / scale
    half = Z / scale * sqrt(4 * items * share * (1 - share) + squared)
    low = middle - half if right else 0.0
    high = middle + half if right < items else 1.0
    return low, high


class SkillScore(Record, frozen=True, kw_only=True):
    """A student's score on one skill, on the hidden part of feedback.

    Attributes:
        accuracy: the share of the items that it answers right.
        items: how many items that is measured on.
    """

    accuracy: float
    items: int

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% Wilson interval of the accuracy, its items taken one by one."""
        return wilson(self.accuracy * self.items, self.items)


class Explore(Record, frozen=True, kw_only=True, tag_field="kind", tag="explore"):
    """A skill gets new subskills. Those that it has keep their allocations.

    Attributes:
        count: how many new ones.
        allocation: examples to ask for of each, in this plan and in those after it.
        subskills: their names. What a policy leaves out the environment has proposed; there are
            fewer than `count` where its proposer knows no more.
    """

    count: Amount
    allocation: Amount
    subskills: tuple[str, ...] = ()


class Exploit(Record, frozen=True, kw_only=True, tag_field="kind", tag="exploit"):
    """The subskills of a skill get other allocations.

    Attributes:
        delta: what is added to the allocation of each; one that is left out keeps its own. An
            allocation does not fall below zero.
    """

    delta: dict[str, int]


Move = Explore | Exploit


class Subskill(Record, frozen=True, kw_only=True):
    """A part of a skill.

    Attributes:
        name: unique within the skill, whatever its case and spaces.
        allocation: examples to ask for in every plan, until a move changes it.
        added: the plan that it was added in, from 1 on.
        asked: examples that the latest plan asks for: the allocation, as far as the amount of an
            iteration reached.
        requested: examples asked for in all plans.
        accepted: how many of those of earlier plans were accepted; None if yields are not observed.
    """

    name: str
    allocation: Amount
    added: int
    asked: int = 0
    requested: int = 0
    accepted: int | None = None

    @property
    def examples(self) -> int:
        """What is known to have been made of it: accepted examples or, unobserved, requested."""
        return self.requested if self.accepted is None else self.accepted


class SkillTree(Record, frozen=True, kw_only=True):
    """A skill with its subskills, as they stand after a plan.

    Attributes:
        subskills: in the order in which they were added.
        move: what the latest plan did to it; None before the first, or if it was left alone.
        score: how the student does in it; None if it is not observed or not measured.
        interval: the 95% Wilson interval of the accuracy.
        reward: what teaching it brought; None if that is undefined.
        cut: examples allocated in the latest plan that the amount of an iteration did not reach.
        missing: new subskills that the latest plan wanted and nobody proposed.
    """

    subskills: tuple[Subskill, ...] = ()
    move: Move | None = None
    score: SkillScore | None = None
    interval: tuple[float, float] | None = None
    reward: float | None = None
    cut: int = 0
    missing: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Its subskills, in order."""
        return tuple(subskill.name for subskill in self.subskills)

    @property
    def examples(self) -> int:
        """What is known to have been made of all of its subskills; see `Subskill.examples`."""
        return sum(subskill.examples for subskill in self.subskills)

    @property
    def requested(self) -> int:
        """Examples asked for of all of its subskills in all plans."""
        return sum(subskill.requested for subskill in self.subskills)
