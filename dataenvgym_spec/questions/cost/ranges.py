"""What stages cost, as intervals from low to high; what that is taken from is in `estimate`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """From low to high.

    >>> Interval(low=1, high=2) + Interval(low=1, high=3)
    Interval(low=2, high=5)
    """

    low: float = 0.0
    high: float = 0.0

    def __add__(self, other: Interval) -> Interval:
        return Interval(low=self.low + other.low, high=self.high + other.high)

    def times(self, low: float, high: float | None = None) -> Interval:
        """Scaled: the low end by `low`, the high end by `high` (default: the same)."""
        return Interval(low=self.low * low, high=self.high * (low if high is None else high))

    def within(self, most: float) -> Interval:
        """Cut off at a bound that cannot be passed."""
        return Interval(low=min(self.low, most), high=min(self.high, most))


ZERO: Final = Interval()


def exactly(value: float) -> Interval:
    """An interval of one value."""
    return Interval(low=value, high=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRange:
    """What some stages cost: accepted examples, tokens, US dollars, and seconds of work.

    Attributes:
        images: that services paint.
        training: seconds of the stages that train, out of `seconds`.
        generation: seconds of the stages in which a student or a teacher writes, out of `seconds`.
        gpu: seconds on GPUs, times the GPUs in use.
    """

    examples: Interval = ZERO
    prompt: Interval = ZERO
    generated: Interval = ZERO
    trained: Interval = ZERO
    images: Interval = ZERO
    usd: Interval = ZERO
    seconds: Interval = ZERO
    training: Interval = ZERO
    generation: Interval = ZERO
    gpu: Interval = ZERO

    def perhaps(self) -> CostRange:
        """The cost of what may turn out not to be needed."""
        highs = {item.name: getattr(self, item.name).high for item in fields(self)}
        return CostRange(**{name: Interval(high=high) for name, high in highs.items()})


def total(costs: Iterable[CostRange]) -> CostRange:
    """The sum of costs: low ends and high ends each by themselves."""
    every = list(costs)
    sums = {}
    for item in fields(CostRange):
        parts: list[Interval] = [getattr(cost, item.name) for cost in every]
        low, high = sum(part.low for part in parts), sum(part.high for part in parts)
        sums[item.name] = Interval(low=low, high=high)
    return CostRange(**sums)
