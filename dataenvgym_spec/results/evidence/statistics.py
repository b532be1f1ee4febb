"""Intervals and tests for accuracies. Pure: numbers in, frozen records out.

What is compared with what is decided in `scores`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from types import MappingProxyType
from typing import Final, Literal

from dataenvgym_spec.records.skills import wilson
from dataenvgym_spec.results.evidence.inversion import (
    Clustered,
    Interval,
    difference_interval,
    difference_statistic,
    p_value,
    share_interval,
)

Covers = Literal["items", "clusters", "seeds", "items and seeds", "clusters and seeds"]

LEVEL: Final = 0.95
_EQUAL: Final = 1e-12
"""Shares that are no further apart are the same: sums differ by what rounding leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with its 95% interval.

    Attributes:
        value: the point estimate.
        low: lower end of the interval.
        high: upper end of the interval.
        covers: what would be drawn again: other items of the same kind, other clusters of such
            items, other runs on the same items, or other runs on other items.
        count: how many items, clusters or runs the interval is made of; runs where both are drawn.
    """

    value: float
    low: float
    high: float
    covers: Covers
    count: int

    @property
    def replicates(self) -> int:
        """How many runs it is a mean of; 1 where only items or their clusters are drawn again."""
        return 1 if self.covers in ("items", "clusters") else self.count


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
        difference: of the accuracies, with its interval over items or their clusters.
        gained: items that only the first has right.
        lost: items that only the second has right.
        items: how many both answered.
        p: of the test that the interval inverts.
    """

    difference: Estimate
    gained: int
    lost: int
    items: int
    p: float


def proportion(right: float, items: int) -> Estimate:
    """A proportion of items that stand alone, with its Wilson interval (Wilson 1927).

    The interval stays inside [0, 1] and has a width at 0 and at 1 too.

    >>> some = proportion(8, 10)
    >>> round(some.low, 3), some.value, round(some.high, 3)
    (0.49, 0.8, 0.943)

    Raises:
        ValueError: there are no items.
    """
    if not items:
        raise ValueError("a proportion of no items")
    share = right / items
    low, high = wilson(right, items)
    return Estimate(value=share, low=low, high=high, covers="items", count=items)


def clustered_proportion(marks: Iterable[tuple[str, float]]) -> Estimate:
    """A proportion of items in clusters; Wilson's where every item is a cluster of its own.

    >>> together = [(str(n // 2), n < 8) for n in range(10)]
    >>> some = clustered_proportion(together)
    >>> round(some.low, 3), some.value, round(some.high, 3), some.covers, some.count
    (0.376, 0.8, 0.964, 'clusters', 5)

    Args:
        marks: the cluster of each item, and whether its answer is right, or how likely it is.

    Raises:
        ValueError: there are no items.
    """
    sums = Clustered.of(marks)
    if sums.clusters == sums.items:
        return proportion(sums.total, sums.items)
    return _estimate(sums, share_interval(sums))


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


def paired(
    first: Mapping[str, bool],
    second: Mapping[str, bool],
    clusters: Mapping[str, str] = MappingProxyType({}),
) -> Paired:
    """Compares two students on the items that both answered.

    The test is McNemar's score test without a correction, which holds its level better than the
    exact one (Fagerland, Lydersen and Laake 2013, BMC Medical Research Methodology 13, 91), and
    the interval inverts it: it leaves out zero exactly if p is below 0.05.

    >>> found = paired({"a": True, "b": True, "c": False}, {"a": True, "b": False, "c": False})
    >>> found.gained, found.lost, round(found.p, 3), found.difference.low < 0
    (1, 0, 0.317, True)

    Args:
        first: whether an answer is right, by item id.
        second: the same for the student it is compared with.
        clusters: the cluster of an item, by id; one that is not named stands alone.

    Raises:
        ValueError: they share no item.
    """
    counts = discordant(first, second)
    shared = sorted(first.keys() & second.keys())
    signs = ((clusters.get(item, item), first[item] - second[item]) for item in shared)
    sums = Clustered.of(signs)
    # Two students that never differ give no reason to call them different.
    p = p_value(difference_statistic(sums, 0.0)) if sums.squares else 1.0
    return Paired(
        difference=_estimate(sums, difference_interval(sums)),
        gained=counts.gained,
        lost=counts.lost,
        items=counts.items,
        p=p,
    )


def _estimate(sums: Clustered, interval: Interval) -> Estimate:
    low, high = interval
    alone = sums.clusters == sums.items
    return Estimate(
        value=sums.mean,
        low=low,
        high=high,
        covers="items" if alone else "clusters",
        count=sums.clusters,
    )


def deviation(values: Sequence[float]) -> float:
    """The standard deviation over runs.

    Raises:
        ValueError: there are fewer than two runs.
    """
    if len(values) < 2:
        raise ValueError("an interval over runs needs two runs")
    return stdev(values)


def mean_over_runs(runs: Sequence[Estimate]) -> Estimate:
    """A share over the runs of an arm: the one there is, or the mean with its interval over runs.

    Runs that all have the same share would have an interval without a width. Of runs that have one
    student, and its answers, there is no variance to see; two or three others agree by chance, as
    shares of few items do, which says nothing of the next run. Then the interval is over items: of
    those of the runs the widest.

    >>> one, other = proportion(8, 10), proportion(6, 10)
    >>> mean_over_runs([one, one]) == one
    True
    >>> both = mean_over_runs([one, other])
    >>> round(both.value, 3), both.covers, both.count
    (0.7, 'seeds', 2)

    Args:
        runs: each run's own share with its interval over items; at least of one.
    """
    values = [run.value for run in runs]
    if max(values) - min(values) < _EQUAL:
        return max(runs, key=lambda run: run.high - run.low)
    return over_seeds(values, least=0.0, most=1.0)


def over_seeds(values: Sequence[float], *, least: float, most: float) -> Estimate:
    """The mean over runs with a t interval: the run-to-run variance on fixed items.

    Args:
        values: one number per run.
        least: the smallest value there can be; the interval is cut here.
        most: the largest.

    Raises:
        ValueError: there are fewer than two runs.
    """
    # What `scipy.stats.t.ppf` calls: `scipy.stats` takes a second to import, and tracking waits.
    from scipy.special import stdtrit

    spread = deviation(values)
    runs = len(values)
    mean = fmean(values)
    quantile = float(stdtrit(runs - 1, (1 + LEVEL) / 2))
    half = quantile * spread / runs**0.5
    low, high = max(least, mean - half), min(most, mean + half)
    return Estimate(value=mean, low=low, high=high, covers="seeds", count=runs)
