"""Numbers as words for people: percentages, durations, counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from dataenvgym_spec.core.shown import told_apart
from dataenvgym_spec.core.text import shortened
from dataenvgym_spec.results.evidence.statistics import Estimate


def percent(value: float) -> str:
    """A share in percent.

    >>> percent(0.625)
    '62.5%'
    """
    return f"{100 * value:.1f}%"


def interval(estimate: Estimate) -> str:
    """The interval of a share.

    >>> interval(Estimate(value=0.5, low=0.4, high=0.6, covers="items", count=9))
    '40.0 to 60.0%'
    """
    return f"{100 * estimate.low:.1f} to {100 * estimate.high:.1f}%"


def points(value: float) -> str:
    """A difference of shares in percentage points, with its sign.

    >>> points(-0.025), points(0.0)
    ('-2.5', '0.0')
    """
    rounded = round(100 * value, 1)
    return f"{rounded:+.1f}" if rounded else "0.0"


def point_interval(estimate: Estimate) -> str:
    """The interval of a difference.

    >>> point_interval(Estimate(value=0.0, low=-0.03, high=0.05, covers="items", count=9))
    '-3.0 to +5.0'
    """
    return f"{points(estimate.low)} to {points(estimate.high)}"


def p_value(value: float) -> str:
    """A p value.

    >>> p_value(0.00001), p_value(0.25)
    ('p < 0.001', 'p = 0.250')
    """
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def p_cell(value: float | None) -> str:
    """The same in a column of p values; empty for none.

    >>> p_cell(0.00001), p_cell(0.25), p_cell(None)
    ('< 0.001', '0.250', '')
    """
    return "" if value is None else p_value(value).removeprefix("p ").removeprefix("= ")


def duration(seconds: float) -> str:
    """A time span.

    >>> duration(0.42), duration(75), duration(3720)
    ('0.4 s', '1 min 15 s', '1 h 02 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def moment(seconds: float) -> str:
    """A point in time.

    >>> moment(0)
    '1970-01-01 00:00 UTC'
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def count(value: float) -> str:
    """A count; means over runs may have a fraction.

    >>> count(21993), count(3.5)
    ('21,993', '3.5')
    """
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def amount(taught: float, asked: float) -> str:
    """How many examples were taught, and of how many where some are missing.

    >>> amount(600, 600), amount(519, 600)
    ('600', '519 of 600')
    """
    return count(taught) if taught >= asked else f"{count(taught)} of {count(asked)}"


def shorten(text: str, limit: int) -> str:
    """Text of at most `limit` characters.

    >>> shorten("abcdef", 4)
    'abc…'
    """
    return shortened(text, limit, "…")


def apart(texts: Sequence[str], limit: int) -> list[str]:
    """Texts of at most `limit` characters; those that differ still do.

    >>> apart(["with-state", "with-stars"], 6)
    ['…state', '…stars']
    """
    return told_apart(texts, limit, "…")
