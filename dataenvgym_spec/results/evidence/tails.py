"""Quantiles of the normal and of Student's distribution. Pure Python.

Tracking and `plan` ask for them, and should not wait for an import of scipy.
"""

from __future__ import annotations

from functools import cache
from math import atan, cos, pi, sin, sqrt, tan
from statistics import NormalDist
from typing import Final

NORMAL: Final = NormalDist()
_FEW: Final = 30
"""Up to so many degrees of freedom the exact sum is inverted, beyond it a series is used."""


def central(value: float, freedom: int) -> float:
    """How likely Student's t is between -value and value.

    The finite sums of Abramowitz and Stegun (1964, 26.7.3 and 26.7.4), exact for whole degrees of
    freedom.

    >>> round(central(4.302653, 2), 6), round(central(12.706205, 1), 6)
    (0.95, 0.95)
    """
    angle = atan(value / sqrt(freedom))
    square = cos(angle) ** 2
    odd = freedom % 2
    term = total = cos(angle) if odd else 1.0
    for step in range(2 + odd, freedom - 1, 2):
        term *= square * (step - 1) / step
        total += term
    if not odd:
        return sin(angle) * total
    tail = sin(angle) * total if freedom > 1 else 0.0
    return 2 / pi * (angle + tail)


@cache
def quantile(alpha: float, freedom: int) -> float:
    """The value that the absolute Student's t exceeds with probability `alpha`.

    >>> round(quantile(0.05, 2), 4), round(quantile(0.05, 100), 4)
    (4.3027, 1.984)

    Args:
        alpha: between 0 and 1.
        freedom: degrees of freedom.

    Raises:
        ValueError: there are none.
    """
    if freedom < 1:
        raise ValueError("a quantile of t with no degrees of freedom")
    # The two that a p value of two or three runs asks for many times; `central` turned round.
    if freedom == 1:
        return 1 / tan(pi * alpha / 2)
    if freedom == 2:
        return (1 - alpha) * sqrt(2 / (alpha * (2 - alpha)))
    normal = NORMAL.inv_cdf(1 - alpha / 2)
    if freedom > _FEW:
        return _series(normal, freedom)
    low, high = 0.0, max(1.0, normal)
    while central(high, freedom) < 1 - alpha:
        low, high = high, 2 * high
        if high > 1e12:
            return high
    for _ in range(60):
        middle = (low + high) / 2
        if central(middle, freedom) < 1 - alpha:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _series(normal: float, freedom: int) -> float:
    """Abramowitz and Stegun (1964, 26.7.5): four terms."""
    x, n = normal, float(freedom)
    return (
        x
        + (x**3 + x) / (4 * n)
        + (5 * x**5 + 16 * x**3 + 3 * x) / (96 * n**2)
        + (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / (384 * n**3)
    )
