"""When two values are equal: by their numbers, by their words, or by the math-verify library.

The library is handed one value at a time, so that it never chooses among several.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final, Literal

from math_verify import parse, verify
from sympy import Expr, Float

from dataenvgym_spec.gym.tasks.scorers.latex import braced
from dataenvgym_spec.gym.tasks.scorers.values import bare, decimals, number, percent, unit, words

# Each call without a time-out of the library's own is a warning. They are alarms of this process,
# which ends at the sandbox's limits anyway.
logging.getLogger("math_verify").setLevel(logging.ERROR)

USUAL: Final = (
    "1",
    "1.5",
    "x^2+1",
    r"\frac{1}{2}",
    "(1,2)",
    "[1,2)",
    r"\left(\frac{3}{5},\frac{8}{3}\right]",
    r"\{1,2\}",
    "x=3",
    r"-2x^3y+\frac{x}{3}",
    r"\sqrt{2}",
    r"2\pi",
    "2^{10}",
    "3+4i",
    r"\log_2 3",
    r"\begin{pmatrix}1\\2\end{pmatrix}",
)
"""Forms that answers usually have."""

Percent = Literal["sign", "hundredth"]
Units = Literal["ignored", "same"]
Rounding = Literal["none", "as-target"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Equality:
    """When an answer equals a target.

    Attributes:
        percent: what a percent sign is: a sign that does not count, or a factor of one hundredth.
        units: whether units count. `same`: where target and answer both have one, they are equal.
        rounding: whether an answer with more decimals than a decimal target is rounded to it.
        tolerance: by which part of the target a number may differ from it.
    """

    percent: Percent = "sign"
    units: Units = "ignored"
    rounding: Rounding = "none"
    tolerance: float = 0.0

    def all_equal(self, target: Sequence[str], answer: Sequence[str]) -> bool:
        """Whether two lists of values are equal, in any order and each value once."""
        wanted, given = self._distinct(target), self._distinct(answer)
        if len(wanted) != len(given):
            # A set, a plus-minus sign or a point without brackets may stand for several.
            return self.equal(", ".join(wanted), ", ".join(given)) if wanted and given else False
        for value in given:
            match = next((one for one in wanted if self.equal(one, value)), None)
            if match is None:
                return False
            wanted.remove(match)
        return True

    def _distinct(self, values: Sequence[str]) -> list[str]:
        kept: list[str] = []
        for value in values:
            if not any(self.equal(one, value) for one in kept):
                kept.append(value)
        return kept

    def equal(self, target: str, answer: str) -> bool:
        r"""Whether two values are equal.

        >>> Equality().equal(r"50\%", "50"), Equality(percent="hundredth").equal(r"50\%", "0.5")
        (True, True)
        >>> Equality(rounding="as-target").equal("3.14", "3.14159")
        True
        """
        if self.units == "same" and unit(target) and unit(answer) and unit(target) != unit(answer):
            return False
        if words(target) and words(target) == words(answer):
            return True
        wanted, given = self._plain(target), self._plain(answer)
        exact, stated = number(wanted), number(given)
        if exact is not None and stated is not None and self._near(wanted, exact, stated):
            return True
        return self._by_library(wanted, given)

    def readable(self, values: Sequence[str]) -> bool:
        """Whether something can be read of each value."""
        return bool(values) and all(self._readable(value) for value in values)

    def _readable(self, value: str) -> bool:
        plain = self._plain(value)
        return number(plain) is not None or bool(parsed(plain))

    def _plain(self, value: str) -> str:
        """A value as it is compared."""
        plain = bare(value)
        if self.percent == "sign" or not percent(value):
            return plain
        exact = number(plain)
        return rf"\frac{{{plain}}}{{100}}" if exact is None else str(exact / 100)

    def _near(self, wanted: str, exact: Fraction, stated: Fraction) -> bool:
        if self.rounding == "as-target" and "." in wanted:
            stated = rounded(stated, decimals(wanted))
        return abs(stated - exact) <= Fraction(self.tolerance) * abs(exact)

    def _by_library(self, target: str, answer: str) -> bool:
        wanted, given = parsed(target), parsed(answer)
        if not wanted or not given:
            return False
        if verify(wanted, given, timeout_seconds=None):
            return not _unlike(wanted[0], given[0])
        if not self.tolerance and self.rounding == "none":
            return False
        exact, stated = _exact(target, wanted), _exact(answer, given)
        return exact is not None and stated is not None and self._near(target, exact, stated)


def rounded(value: Fraction, places: int) -> Fraction:
    """A number rounded to some decimals, a half away from zero.

    >>> rounded(Fraction("2.345"), 2), rounded(Fraction(-1, 2), 0)
    (Fraction(47, 20), Fraction(-1, 1))
    """
    scaled = abs(value) * 10**places
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Fraction(whole if value >= 0 else -whole, 10**places)


@lru_cache(maxsize=256)
def _parsed(value: str) -> tuple[Any, ...]:
    # The library takes a command that stands in a fraction without braces for a letter, and then
    # reads whichever number it finds.
    return tuple(parse(f"\\boxed{{{braced(value)}}}", parsing_timeout=None))


def parsed(value: str) -> list[Any]:
    """What the library reads of one value; nothing if it cannot."""
    return list(_parsed(value)) if value else []


def _unlike(one: Any, other: Any) -> bool:
    """Whether two exact numbers are certainly others; the library compares six decimals of them."""
    if not (_is_exact(one) and _is_exact(other)):
        return False
    return (one - other).is_zero is False


def _is_exact(read: Any) -> bool:
    return isinstance(read, Expr) and bool(read.is_number) and not read.has(Float)


def _exact(value: str, read: Sequence[Any]) -> Fraction | None:
    """The number that a value is; None if it is none."""
    exact = number(value)
    if exact is not None:
        return exact
    try:
        return Fraction(float(read[0]))
    except (TypeError, ValueError, OverflowError, AttributeError):
        return None


def learn() -> None:
    """Has the library read the usual forms.

    The parser learns its grammar as it reads, which every forked child would do anew: of the first
    value 0.4 s, afterwards a tenth of it.
    """
    for value in USUAL:
        Equality().equal("17", value)
