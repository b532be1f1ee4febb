"""Limits of an experiment against what it has cost and will cost.

Pure; `dataenvgym run` and its stages act on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.questions.cost.ranges import CostRange, Interval

NAMES: Final = ("usd", "hours", "gpu_hours", "tokens")
UNITS: Final = {"usd": "USD", "hours": "hours", "gpu_hours": "GPU hours", "tokens": "tokens"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A limit, what was spent of it, and what lies ahead."""

    name: str
    limit: float
    spent: float
    ahead: Interval

    @property
    def passed(self) -> bool:
        """Whether more was spent than allowed."""
        return self.spent > self.limit

    @property
    def too_little(self) -> bool:
        """Whether even the low end of what lies ahead does not fit."""
        return self.spent + self.ahead.low > self.limit

    @property
    def doubtful(self) -> bool:
        """Whether the high end of what lies ahead does not fit."""
        return self.spent + self.ahead.high > self.limit

    def text(self) -> str:
        """What stands against the limit, in words."""
        ahead = ""
        if self.ahead.high:
            ahead = f" and {number(self.ahead.low)} to {number(self.ahead.high)} lie ahead"
        spent = f"{number(self.spent)} {UNITS[self.name]} are spent{ahead}"
        return f"{spent}, and the limit is {number(self.limit)}"


def amounts(cost: CostRange) -> dict[str, Interval]:
    """What each limit counts."""
    return {
        "usd": cost.usd,
        "hours": cost.seconds.times(1 / 3600),
        "gpu_hours": cost.gpu.times(1 / 3600),
        "tokens": cost.prompt + cost.generated,
    }


def standings(
    limits: Mapping[str, float], spent: CostRange, ahead: CostRange
) -> tuple[Standing, ...]:
    """How each limit stands, in a fixed order."""
    had, coming = amounts(spent), amounts(ahead)
    return tuple(
        Standing(name=name, limit=limits[name], spent=had[name].high, ahead=coming[name])
        for name in NAMES
        if name in limits
    )


def warn(node: Node, found: tuple[Standing, ...]) -> Iterator[Diagnostic]:
    """A warning for each limit that the high end of an estimate passes, at the place of the limit.

    Args:
        node: the tree of the spec.
        found: how its limits stand.
    """
    for one in found:
        if one.ahead.high and one.doubtful:
            sure = "is not enough" if one.too_little else "may not be enough"
            help = (
                "raise it: 'dataenvgym run' does not start"
                if one.too_little
                else "raise it, or let 'dataenvgym run' pause there: nothing is lost"
            )
            yield node.at(("limits", one.name)).fault(
                "W404", f"the limit on '{one.name}' {sure}: {one.text()}", help, severity="warning"
            )


def number(value: float) -> str:
    """A number with the digits that matter.

    >>> number(0.01234), number(12.345), number(1234567)
    ('0.012', '12.3', '1,234,567')
    """
    if value and abs(value) < 0.995:
        return f"{value:.2g}" if abs(value) >= 1e-4 else f"{value:.1e}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
