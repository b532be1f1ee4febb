"""Intervals and tests for accuracies. Pure: numbers in, frozen records out.

What is compared with what is decided in `scores`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    import numpy as np

Covers = Literal["items", "seeds"]

LEVEL: Final = 0.95
_Z: Final = 1.959963984540054
"""The normal quantile of `LEVEL`, both ends."""
_RESAMPLES: Final = 9999
_CELLS: Final = 4_000_000
"""Most resampled values held in memory at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with its 95% interval.

    Attributes:
        value: the point estimate.
        low: lower end of the interval.
        high: upper end of the interval.
        covers: what would be drawn again: other items of the same kind, or other runs on the same
            items.
        count: how many items or runs the interval is made of.
    """

    value: float
    low: float
    high: float
    covers: Covers
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Discordant:
    """How often two students differ on the same items.

    Attributes:
        gained: items that only the first has right.
        lost: items that only the second has right.
        items: how many both answered.
    """

    gained: int
    lost: int
    items: int

    @property
    def difference(self) -> float:
        """The first one's accuracy less the second one's."""
        return (self.gained - self.lost) / self.items


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Two students on the same items: first less second.

    Attributes:
        difference: of the accuracies, with its interval over items.
        gained: items that only the first has right.
        lost: items that only the second has right.
        p: of the exact McNemar test.
    """

    difference: Estimate
    gained: int
    lost: int
    p: float


def proportion(right: int, items: int) -> Estimate:
    """A proportion with its Wilson interval (Wilson 1927).

    The interval stays inside [0, 1] and has a width at 0 and at 1 too.

    >>> some = proportion(8, 10)
    >>> round(some.low, 3), some.value, round(some.high, 3)
    (0.49, 0.8, 0.943)

    Raises:
        ValueError: there are no items.
    """
    if not items:
        raise ValueError("a proportion of no items")
    # Written out: tracking runs after every iteration, and scipy takes a second to import.
    # The form is Newcombe's (1998), which scipy uses.
    share, squared = right / items, _Z**2
    scale = 2 * (items + squared)
    middle = (2 * items * share + squared) / scale
    half = _Z / scale * sqrt(4 * items * share * (1 - share) + squared)
    low = middle - half if right else 0.0
    high = middle + half if right < items else 1.0
    return Estimate(value=share, low=low, high=high, covers="items", count=items)


def discordant(first: Mapping[str, bool], second: Mapping[str, bool]) -> Discordant:
    """Counts the items that only one of two students has right, of those that both answered.

    >>> discordant({"a": True, "b": False}, {"a": False, "b": False}).difference
    0.5

    Raises:
        ValueError: they share no item.
    """
    shared = first.keys() & second.keys()
    if not shared:
        raise ValueError("two students without a common item")
    gained = sum(first[item] and not second[item] for item in shared)
    lost = sum(second[item] and not first[item] for item in shared)
    return Discordant(gained=gained, lost=lost, items=len(shared))


def paired(first: Mapping[str, bool], second: Mapping[str, bool]) -> Paired:
    """Compares two students on the items that both answered.

    Args:
        first: whether an answer is right, by item id.
        second: the same for the student it is compared with.

    Raises:
        ValueError: they share no item.
    """
    import numpy as np

    counts = discordant(first, second)
    # In a fixed order, because resampling depends on it.
    shared = sorted(first.keys() & second.keys())
    low, high = _between(np.array([int(first[item]) - int(second[item]) for item in shared]))
    difference = Estimate(
        value=counts.difference, low=low, high=high, covers="items", count=counts.items
    )
    p = mcnemar(counts.gained, counts.lost)
    return Paired(difference=difference, gained=counts.gained, lost=counts.lost, p=p)


def _between(signs: np.ndarray[Any, Any]) -> tuple[float, float]:
    """The percentile bootstrap over items of a mean of -1, 0 and 1, with a fixed seed.

    Resampling differences is resampling pairs. If all are equal, resampling would give no width at
    all; the ends are then those at which as many other items as Wilson's bound for 0 of n allows
    would be as different as they can be.
    """
    import numpy as np
    from scipy.stats import bootstrap

    first = int(signs[0])
    if (signs == first).all():
        unseen = proportion(0, len(signs)).high
        reach = unseen * (1 + abs(first))
        return max(-1.0, first - reach), min(1.0, first + reach)
    result = bootstrap(
        (signs,),
        np.mean,
        n_resamples=_RESAMPLES,
        batch=max(1, _CELLS // len(signs)),
        confidence_level=LEVEL,
        method="percentile",
        # The seed is fixed so that a report made twice is the same report.
        rng=np.random.default_rng(0),
    )
    interval = result.confidence_interval
    return float(interval.low), float(interval.high)


def mcnemar(gained: int, lost: int) -> float:
    """The exact two-sided McNemar test.

    It says how likely discordant items split at least so unevenly by chance.

    >>> mcnemar(5, 0)
    0.0625
    >>> mcnemar(0, 0)
    1.0
    """
    from scipy.stats import binomtest

    if gained + lost == 0:
        return 1.0
    return float(binomtest(gained, gained + lost).pvalue)


def deviation(values: Sequence[float]) -> float:
    """The standard deviation over runs.

    Raises:
        ValueError: there are fewer than two runs.
    """
    if len(values) < 2:
        raise ValueError("an interval over runs needs two runs")
    return stdev(values)


def over_seeds(values: Sequence[float], *, least: float, most: float) -> Estimate:
    """The mean over runs with a t interval: the run-to-run variance on fixed items.

    Args:
        values: one number per run.
        least: the smallest value there can be; the interval is cut here.
        most: the largest.

    Raises:
        ValueError: there are fewer than two runs.
    """
    from scipy.stats import t

    spread = deviation(values)
    runs = len(values)
    mean = fmean(values)
    quantile = float(t.ppf((1 + LEVEL) / 2, runs - 1))
    half = quantile * spread / runs**0.5
    low, high = max(least, mean - half), min(most, mean + half)
    return Estimate(value=mean, low=low, high=high, covers="seeds", count=runs)
