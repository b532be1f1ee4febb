"""The noise floor: by how much scores differ where nothing does but chance. Pure.

Which copies it is made of is read in `results.noise`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import sqrt
from statistics import stdev
from typing import Final

from dataenvgym_spec.results.evidence.statistics import LEVEL
from dataenvgym_spec.results.evidence.tails import quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How a student's score varies over copies of one sort.

    Attributes:
        own: the student's own accuracy.
        scores: those of the copies, at least one.
        moved: for each copy, the share of items that are right in it or in the student alone.
        least: what the standard deviation is at least. Of few items none may have moved in the few
            copies there are, which does not say that none can.
    """

    own: float
    scores: tuple[float, ...]
    moved: tuple[float, ...]
    least: float = 0.0

    @property
    def n(self) -> int:
        """How many copies there are."""
        return len(self.scores)

    @property
    def sd(self) -> float:
        """The standard deviation of a score; the student is one draw beside its copies.

        >>> round(Spread(own=0.5, scores=(0.6, 0.4), moved=(0.1, 0.1)).sd, 6)
        0.1
        """
        return max(self.least, stdev((self.own, *self.scores)))

    @property
    def low(self) -> float:
        """The lowest copy less the student."""
        return min(self.scores) - self.own

    @property
    def high(self) -> float:
        """The highest copy less the student."""
        return max(self.scores) - self.own


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the items.

    Attributes:
        arm: whose labels say which item has a skill.
        skill: that its items have; None for any.
        slices: that they are in, by name.
    """

    arm: str | None = None
    skill: str | None = None
    slices: tuple[tuple[str, str], ...] = ()


WHOLE: Final = Part()


@dataclass(frozen=True, slots=True)
class Drawing:
    """How a student's answers are drawn."""

    temperature: float
    top_p: float = 1.0
    samples: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """What the copies of one student come to; None is not measured, and never 0.

    Attributes:
        arm: whose student it is.
        seed: of its run.
        iteration: of the student.
        split: what was answered.
        items: how many there are.
        reevaluate: of evaluations that were done again.
        retrain: of trainings that were done again.
        varied: which sources of noise copies vary, in words.
        not_measured: which ones they do not, in words.
        missing: how many copies are not there yet.
        drawing: how the student's answers are drawn, under each run's seed; None if greedily.
        drawings: the same of each arm.
        parts: the same of single skills and slices, as far as copies answered items of them.
    """

    arm: str
    seed: int
    iteration: int
    split: str
    items: int
    reevaluate: Spread | None
    retrain: Spread | None
    varied: tuple[str, ...]
    not_measured: tuple[str, ...]
    missing: int = 0
    drawing: Drawing | None = None
    drawings: Mapping[str, Drawing | None] = field(default_factory=dict)
    parts: Mapping[Part, Floor] = field(default_factory=dict)

    @property
    def reevaluate_sd(self) -> float | None:
        """The standard deviation of a score over evaluations."""
        return None if self.reevaluate is None else self.reevaluate.sd

    @property
    def retrain_sd(self) -> float | None:
        """The standard deviation of a score over trainings."""
        return None if self.retrain is None else self.retrain.sd

    @property
    def n(self) -> int:
        """How many copies there are in all."""
        return sum(spread.n for spread in (self.reevaluate, self.retrain) if spread is not None)

    def of_part(self, part: Part) -> Floor | None:
        """That of a part of the items, which is no narrower than that of all; None if unknown."""
        return self if part == WHOLE else self.parts.get(part)

    def knows(self, *arms: str) -> bool:
        """Whether copies say anything of students of some arms, by how their answers are drawn."""
        return all(self._knows(self.drawings.get(arm, self.drawing)) for arm in arms)

    def _knows(self, drawing: Drawing | None) -> bool:
        # A greedy student is taken to vary by no more than one whose answers are drawn.
        return drawing in (None, self.drawing)

    def between(
        self,
        arms: tuple[str, str],
        runs: int = 1,
        *,
        items: int,
        first: bool = True,
        second: bool = True,
    ) -> float | None:
        """The same as `difference`, of students of two arms, as answers are drawn in each."""
        drawings = [self.drawings.get(arm, self.drawing) for arm in arms]
        return self.difference(
            runs, items=items, first=first, second=second, drawings=(drawings[0], drawings[1])
        )

    def difference(
        self,
        runs: int = 1,
        *,
        items: int | None = None,
        first: bool = True,
        second: bool = True,
        drawings: tuple[Drawing | None, Drawing | None] | None = None,
    ) -> float | None:
        """What a difference of two students stays within in 95 of 100 cases, by chance alone.

        Each student varies as the copied one does, independently, with a variance of sd². Each run
        teaches a student of its own, so that a mean over R runs has sd² / R of each taught one. The
        untaught one is the same in all runs, which share its answers: what chance does to these is
        in every difference, and no mean over runs takes it away. Where its answers are drawn, each
        run asks it with a seed of its own, and a mean over runs has sd² / R of it, too. The
        variance of the mean is the sum of both. Where two variances were estimated, the quantile
        of t is that of the fewer degrees of freedom, with which it covers at least as often as it
        should (Banerjee 1961, Sankhya A 23, 359-378).

        A greedy student is taken to vary by no more than one whose answers are drawn. Of answers
        that are drawn, and not as the copied student's are, the copies say nothing.

        Trainings that were done again vary with what their evaluation depends on, too, so that of
        a student that the loop taught they say all that was measured. Without any, nothing was.

        On fewer items than were copied a score varies more: by the root of how many fewer if chance
        moves answers one by one, and not at all if it moves all of them together. On more items it
        varies less, or not less. What is larger is taken each time.

        Args:
            runs: how many differences are averaged, each of students that were taught anew.
            items: how many items the difference is of; those of the copies if it is left out.
            first: whether the first student was taught in the loop, and not the untaught one.
            second: the same of the second.
            drawings: how the answers of each are drawn; as those of the copies if it is left out.

        Returns:
            Half the width of the interval about 0; None if nothing was measured of it.
        """
        variance, copies = 0.0, []
        students = zip((first, second), drawings or (self.drawing, self.drawing), strict=True)
        for taught, drawing in students:
            spread = self._of(taught)
            if spread is None or not self._knows(drawing):
                return None
            variance += spread.sd**2 / (runs if taught or drawing else 1)
            copies.append(spread.n)
        fewer = 1.0 if items is None else max(1.0, self.items / items)
        return quantile(1 - LEVEL, min(copies)) * sqrt(variance * fewer)

    def _of(self, taught: bool) -> Spread | None:
        """What a student varies by; None if nothing says it.

        No copy of a training says anything of the untaught one, and copies of an evaluation alone
        say nothing of a taught one: how much trainings vary is most of what chance does to it.
        """
        if not taught:
            return self.reevaluate
        if self.retrain is None or self.reevaluate is None:
            return self.retrain
        return max(self.retrain, self.reevaluate, key=lambda spread: spread.sd)
