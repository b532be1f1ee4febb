"""Intervals that invert a score test: every value that the test would not refuse at 5%.

So an interval leaves out a value exactly if the test of that value is significant. Pure Python,
because tracking runs after every iteration and should not wait for an import of scipy.

Items of one cluster are not independent, so the variance of a sum over items is multiplied by the
design effect of the clusters (Rao and Scott 1992, Biometrics 48, 577-585). Both the variance and
the design effect are taken at the value that is tested. Where every item stands alone this is
Wilson's interval (1927, JASA 22, 209-212) of a share, and Tango's (1998, Statistics in Medicine 17,
891-908) of a paired difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import erfc, inf, sqrt
from typing import Final

from dataenvgym_spec.records.skills import Z

_PRECISION: Final = 1e-10
"""How far the end of an interval may be from where the test turns."""

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clustered:
    """Sums over items with a value each, and over the clusters that they form.

    Attributes:
        items: how many items there are.
        total: the sum of their values.
        squares: the sum of the squares of their values.
        clusters: how many clusters there are.
        size_squares: the sum of the squares of the clusters' sizes.
        total_squares: the sum of the squares of the clusters' totals.
        products: the sum of size times total over the clusters.
    """

    items: int
    total: float
    squares: float
    clusters: int
    size_squares: int
    total_squares: float
    products: float

    @classmethod
    def of(cls, values: Iterable[tuple[str, float]]) -> Clustered:
        """The sums over some items, each given as its cluster and its value."""
        sizes: dict[str, int] = {}
        totals: dict[str, float] = {}
        squares: float = 0
        for cluster, value in values:
            sizes[cluster] = sizes.get(cluster, 0) + 1
            totals[cluster] = totals.get(cluster, 0) + value
            squares += value * value
        return cls(
            items=sum(sizes.values()),
            total=sum(totals.values()),
            squares=squares,
            clusters=len(sizes),
            size_squares=sum(size * size for size in sizes.values()),
            total_squares=sum(total * total for total in totals.values()),
            products=sum(sizes[cluster] * total for cluster, total in totals.items()),
        )

    @property
    def mean(self) -> float:
        """The mean over items."""
        return self.total / self.items

    def design_effect(self, mean: float) -> float:
        """By how much clusters raise the variance of the total if the true mean is `mean`.

        It is at least 1: that the items of some clusters cancel out is no sign of precision.
        """
        if self.clusters == self.items:
            return 1.0
        alone = self.squares - 2 * mean * self.total + mean * mean * self.items
        together = self.total_squares - 2 * mean * self.products + mean * mean * self.size_squares
        return max(1.0, together / alone) if alone > 0 else 1.0


def share_interval(right: Clustered) -> Interval:
    """The interval of a share, from values of 0 and 1.

    >>> alone = Clustered.of((str(n), int(n < 8)) for n in range(10))
    >>> [round(end, 3) for end in share_interval(alone)]
    [0.49, 0.943]
    """

    def statistic(share: float) -> float:
        return _ratio(right, share, right.items * share * (1 - share))

    return _accepted(statistic, right.mean, least=0.0, limit=Z * Z)


def difference_interval(signs: Clustered, z: float = Z) -> Interval:
    """The interval of a paired difference, from values of -1, 0 and 1.

    With another `z` than that of 95% it inverts the test at another level.

    >>> alone = Clustered.of((str(n), (n < 1) - (n > 13)) for n in range(21))
    >>> [round(end, 3) for end in difference_interval(alone)]
    [-0.517, -0.026]
    """

    def statistic(difference: float) -> float:
        return difference_statistic(signs, difference)

    return _accepted(statistic, signs.mean, least=-1.0, limit=z * z)


def difference_statistic(signs: Clustered, difference: float) -> float:
    """The squared score statistic of a paired difference (Tango 1998).

    At 0 it is McNemar's without a correction, and by cluster the modified test of Obuchowski
    (Yang, Sun and Hardin 2010, Biometrical Journal 52, 638-652), but for a design effect below 1.
    """
    items, discordant = signs.items, signs.squares
    # The likeliest share of items that only the second has right, if the difference is true.
    linear = (2 * items - signs.total) * difference - discordant
    lost = (discordant - signs.total) / 2
    constant = lost * difference * (1 - difference)
    root = sqrt(max(0.0, linear * linear + 8 * items * constant))
    only_second = (root - linear) / (4 * items)
    variance = items * (2 * only_second + difference * (1 - difference))
    return _ratio(signs, difference, variance)


def p_value(statistic: float) -> float:
    """The two-sided p value of a squared score statistic: of chi-squared with 1 degree of freedom.

    >>> round(p_value(Z * Z), 6)
    0.05
    """
    return erfc(sqrt(statistic / 2))


def _ratio(sums: Clustered, mean: float, variance: float) -> float:
    """The squared score statistic: how far the total is from what a mean would make of it."""
    off = sums.total - sums.items * mean
    # Rounding leaves a rest where the difference is nil.
    if abs(off) < sums.items * _PRECISION:
        return 0.0
    spread = variance * sums.design_effect(mean)
    return off * off / spread if spread > 0 else inf


def _accepted(
    statistic: Callable[[float], float], value: float, *, least: float, limit: float
) -> Interval:
    """The values around an estimate that a test does not refuse, between `least` and 1.

    Args:
        statistic: of the test, squared.
        value: the estimate.
        least: the smallest value there can be.
        limit: what the test refuses beyond.
    """

    def accepts(tested: float) -> bool:
        return statistic(tested) <= limit

    return _end(accepts, value, least), _end(accepts, value, 1.0)


def _end(accepts: Callable[[float], bool], value: float, last: float) -> float:
    """Where a test turns on the way from an estimate to the last value; on the side it accepts."""
    inside, outside = value, last
    # With few clusters a test may turn more than once. Starting at zero makes sure that the
    # interval says of zero what the test says.
    if min(value, last) < 0 < max(value, last):
        inside, outside = (0.0, last) if accepts(0.0) else (value, 0.0)
    if accepts(outside):
        return outside
    while abs(outside - inside) > _PRECISION:
        middle = (inside + outside) / 2
        if accepts(middle):
            inside = middle
        else:
            outside = middle
    return inside
