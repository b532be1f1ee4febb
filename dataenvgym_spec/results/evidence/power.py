"""The smallest difference that a contrast would find, from its design alone. Pure Python.

The tests are those of `contrasts`: over items with one run, over runs and items with several. The
formula for one run is Miettinen's (1968, Biometrics 24, 339-352; Connor 1987, Biometrics 43,
207-211); for several the power of the interval of `components`, by a sum over what the estimate of
the variance between runs may be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import erfc, exp, lgamma, log, sqrt
from typing import Final

from dataenvgym_spec.results.evidence.tails import quantile

WANTED: Final = 0.8
"""How likely a difference is found that is called detectable."""
_STEPS: Final = 120
"""Points of the sum over estimates of a variance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What is known of a contrast before anything runs, and what is assumed.

    Attributes:
        units: items, or clusters of them, that both students answer.
        runs: runs of each arm.
        alpha: the level of the test.
        discordance: the part of items that the two students of a run answer differently, assumed;
            at least the difference itself.
        run_deviation: the standard deviation of the difference between runs, beyond what items
            make.
        unit_part: how much of what cells of items and runs vary is the items'.
    """

    units: int
    runs: int
    alpha: float
    discordance: float
    run_deviation: float = 0.0
    unit_part: float = 0.0


def power(design: Design, difference: float) -> float:
    """How likely a true difference is found.

    >>> round(power(Design(units=400, runs=1, alpha=0.05, discordance=0.2), 0.0627), 2)
    0.8
    """
    apart = max(design.discordance, difference)
    # What one paired difference varies: it is 1, 0 or -1.
    cell = apart - difference**2
    if design.runs == 1:
        normal = quantile(design.alpha, design.units)
        spread = sqrt(max(cell, 1e-12))
        return _above(normal * sqrt(apart), difference * sqrt(design.units), spread)
    units = design.unit_part * cell / design.units
    rest = (1 - design.unit_part) * cell / (design.units * design.runs)
    runs = design.run_deviation**2 / design.runs + rest
    spread = sqrt(max(runs + units, 1e-12))
    of_runs = quantile(design.alpha, design.runs - 1) ** 2
    of_units = quantile(design.alpha, max(1, design.units - 1)) ** 2
    total = 0.0
    for estimate, weight in _estimates(design.runs - 1):
        half = sqrt(max(of_runs * runs * estimate, of_units * rest) + of_units * units)
        total += weight * _above(half, difference, spread)
    return total


def _above(limit: float, mean: float, spread: float) -> float:
    """How likely a normal value lies outside of -limit and limit."""
    scale = spread * sqrt(2)
    return (erfc((limit - mean) / scale) + erfc((limit + mean) / scale)) / 2


@cache
def _estimates(freedom: int) -> Sequence[tuple[float, float]]:
    """What an estimate of a variance may be, as parts of it, each with its probability."""
    half = freedom / 2
    last = 1 + 8 / sqrt(freedom)
    step = last / _STEPS
    points = []
    for number in range(_STEPS):
        root = (number + 0.5) * step
        density = log(2) + half * log(half) - lgamma(half)
        density += (freedom - 1) * log(root) - half * root * root
        points.append((root * root, exp(density) * step))
    total = sum(weight for _, weight in points)
    return [(estimate, weight / total) for estimate, weight in points]


@cache
def detectable(design: Design, wanted: float = WANTED) -> float | None:
    """The smallest difference that is found with a probability; None if not even all of it is.

    >>> round(detectable(Design(units=400, runs=1, alpha=0.05, discordance=0.2)), 3)
    0.063
    """
    low, high = 0.0, 1.0
    if power(design, high) < wanted:
        return None
    while high - low > 1e-4:
        middle = (low + high) / 2
        if power(design, middle) < wanted:
            low = middle
        else:
            high = middle
    return high
