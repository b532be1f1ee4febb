"""What the power of a contrast rests on: answers that are there, copies of a student, or nothing.

Copies of one student say what chance does, and not how far two arms lie apart: taught on the same
examples they answer few items differently, and what the agent draws is in none of them. So they
never make a design look better than the assumption does, and how much they vary from run to run is
a lower bound. What both students of a contrast have answered is measured, and no bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from statistics import fmean
from typing import Final, Literal

from dataenvgym_spec.results.evidence.answers import Sides
from dataenvgym_spec.results.evidence.contrasts import weigh
from dataenvgym_spec.results.evidence.floor import Floor
from dataenvgym_spec.results.evidence.power import Design, detectable

DISCORDANCE: Final = 0.2
"""The part of items that two students answer differently, where they have answered none yet."""

_PARTS: Final = (0.0, 1.0)
"""All that varies is new in every run, or all of it is the items': what lies between is easier."""

Source = Literal["assumed", "copies", "answers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What is known of chance from copies of one student that is taught again: the noise floor.

    Attributes:
        discordance: the part of items that a student and its copy answer differently.
        deviation: the standard deviation of the score of a student that is taught again, beyond
            what items that are answered differently make of themselves; None was not seen.
    """

    discordance: float
    deviation: float | None

    @classmethod
    def of(cls, floor: Floor | None) -> Measured | None:
        """What copies that were trained again came to; None without any."""
        if floor is None or floor.retrain is None:
            return None
        moved = fmean(floor.retrain.moved)
        # Answers that change one by one make a score vary, too: of two students each by half of it.
        alone = moved / (2 * floor.items)
        beyond = floor.retrain.sd**2 - alone
        return cls(discordance=moved, deviation=sqrt(beyond) if beyond > 0 else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """How much two students are taken to differ but for the difference that is looked for.

    Attributes:
        discordance: the part of items that they answer differently.
        source: what says so; `copies` only where those move more than is assumed of two arms.
        deviation: the standard deviation of their difference between runs beyond what items make;
            None is not known or was not seen, and counts as nothing.
        deviation_source: what says so; of copies it is a lower bound.
        unit_part: how much of what an item and a run vary is the item's in every run; None is not
            known, and counts as what is harder to see.
    """

    discordance: float
    source: Source
    deviation: float | None
    deviation_source: Source
    unit_part: float | None

    def least(self, *, units: int, runs: int, alpha: float) -> float | None:
        """The smallest difference that is found in 80% of studies; None where none is.

        Args:
            units: items, or what clusters of them count for.
            runs: runs of each arm.
            alpha: the level of the test.
        """
        found = []
        for part in _PARTS if self.unit_part is None else (self.unit_part,):
            design = Design(
                units=units,
                runs=runs,
                alpha=alpha,
                discordance=self.discordance,
                run_deviation=self.deviation or 0.0,
                unit_part=part,
            )
            found.append(detectable(design))
        figures = [one for one in found if one is not None]
        return max(figures) if len(figures) == len(found) else None


def basis(
    answers: Mapping[int, Sides] | None = None,
    copies: Measured | None = None,
    *,
    taught: int = 2,
) -> Basis:
    """What the power of a contrast rests on.

    >>> few = Measured(discordance=0.05, deviation=0.01)
    >>> basis(copies=few).discordance, basis(copies=few).source
    (0.2, 'assumed')

    Args:
        answers: of both students, by run seed, as far as they are there.
        copies: what copies of a student came to.
        taught: how many of the two students the loop taught; the base is not taught again.
    """
    deviation = None
    if copies is not None and copies.deviation is not None:
        deviation = copies.deviation * sqrt(taught)
    if not answers:
        moved = 0.0 if copies is None else copies.discordance
        most = max(DISCORDANCE, moved)
        return Basis(
            discordance=most,
            source="assumed" if most > moved else "copies",
            deviation=deviation,
            deviation_source="assumed" if copies is None else "copies",
            unit_part=_unit_part(most, copies, taught),
        )
    weighed = weigh(answers)
    apart = fmean((pair.gained + pair.lost) / pair.items for _, pair in weighed.runs)
    table = weighed.crossed
    if table is None:
        return Basis(
            discordance=apart,
            source="answers",
            deviation=deviation,
            deviation_source="assumed" if copies is None else "copies",
            unit_part=_unit_part(apart, copies, taught),
        )
    both, seen = table.unit_variance + table.rest, table.run_deviation
    # Two or three runs may agree by chance, but not in more than copies of one do.
    by_copies = deviation is not None and seen is None
    return Basis(
        discordance=apart,
        source="answers",
        deviation=max((one for one in (seen, deviation) if one is not None), default=None),
        deviation_source="copies" if by_copies else "answers",
        unit_part=table.unit_variance / both if both else 0.0,
    )


def _unit_part(discordance: float, copies: Measured | None, taught: int) -> float | None:
    """What of the difference on an item stays in every run: all that copies do not move.

    Answers that move when a student is taught again vary by half of their share, for each student.
    """
    if copies is None or not discordance:
        return None
    return 1 - min(1.0, taught * copies.discordance / (2 * discordance))
