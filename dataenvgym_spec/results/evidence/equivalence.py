"""Whether two students differ by less than some bounds: two one-sided tests, corrected together.

The verdict is that of Schuirmann (1987, J. of Pharmacokinetics and Biopharmaceutics 15, 657-680) at
5%. What each interval is over is decided in `contrasts`, for both kinds of test alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Final

from dataenvgym_spec.results.evidence.statistics import LEVEL

ALPHA: Final = 1 - LEVEL
_LEAST: Final = 1e-12
"""The smallest p value that is told apart from zero."""

Interval = Callable[[float], tuple[float, float]]
"""The interval of a difference that is wrong in a share `alpha` of cases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Equivalence:
    """Whether two students differ by less than some bounds.

    Attributes:
        bound: the largest difference that counts as none, as a share.
        low: the lower end of the interval at 90%.
        high: its upper end.
        p: the larger one of the two tests': the level from which on the interval lies within the
            bounds. It is 1 where the difference itself does not.
        adjusted: Holm's p value among the claims of equivalence of its family; None before it is
            seen with the others.
        family: how many of those are declared.
    """

    bound: float
    low: float
    high: float
    p: float
    adjusted: float | None = None
    family: int = 1

    @property
    def inside(self) -> bool:
        """Whether the interval at 90% lies within the bounds."""
        return _within((self.low, self.high), self.bound)

    @property
    def shown(self) -> bool:
        """Whether the two are equivalent within the bounds, also once that is corrected."""
        return self.inside and (self.adjusted is None or self.adjusted < ALPHA)


def equivalence(interval: Interval, bound: float) -> Equivalence:
    """The verdict on a difference, by the interval at 90% that is made as that at 95% is.

    >>> found = equivalence(lambda alpha: (-(1 - alpha) / 10, (1 - alpha) / 10), 0.096)
    >>> found.shown, round(found.low, 3), round(found.p, 3)
    (True, -0.09, 0.02)

    Args:
        interval: of the difference.
        bound: the largest difference that counts as none, as a share.
    """
    low, high = interval(2 * ALPHA)
    return Equivalence(bound=bound, low=low, high=high, p=_p(interval, bound))


def _p(interval: Interval, bound: float) -> float:
    """The least level at which both one-sided tests say that the difference is within bounds."""
    # At a half the interval is the difference itself.
    low, high = _LEAST, 0.5 - _LEAST
    if not _within(interval(2 * high), bound):
        return 1.0
    for _ in range(50):
        # The levels of interest lie magnitudes apart.
        middle = sqrt(low * high)
        if _within(interval(2 * middle), bound):
            high = middle
        else:
            low = middle
    return high


def _within(ends: tuple[float, float], bound: float) -> bool:
    return -bound < ends[0] and ends[1] < bound
