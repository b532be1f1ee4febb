"""How many distinct problems a family of reasoning-gym can have at most, from its configuration alone.

The library is not imported: a formula is given for data sets whose size follows from their bounds, and only where the
configuration states all of them, so that a changed default of the library cannot make a bound wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Config = Mapping[str, Any]

LARGEST: Final = 10**15
"""Families beyond it are as good as endless."""


def capacity(family: Mapping[str, Any]) -> int | None:
    """An upper bound on the distinct problems of a family, or None where nothing is known.

    >>> capacity({"dataset": "products", "config": {"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 1}})
    100
    """
    formula = _FORMULAS.get(str(family.get("dataset")))
    try:
        size = formula(family.get("config", {})) if formula else None
        return size if size is not None and 0 < size <= LARGEST else None
    except (KeyError, TypeError, ValueError, OverflowError):
        return None  # incomplete or odd: the run will say what is wrong with it


def _integers(config: Config, low: str, high: str) -> range:
    return range(_whole(config[low]), _whole(config[high]) + 1)


def _whole(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError
    return value


def _lengths(config: Config, low: str, high: str) -> range:
    """How many terms, digits or numbers: few, or the size is beyond any bound."""
    found = _integers(config, low, high)
    if found and (found[0] < 1 or found[-1] > 20):
        raise OverflowError
    return found


def _expressions(config: Config, *, operators: int) -> int:
    """Terms of one length in digits joined by operators; a number of one digit may be 0."""
    signs = 2 if config.get("allow_negation") else 1
    terms, digits = (
        _lengths(config, "min_terms", "max_terms"),
        _lengths(config, "min_digits", "max_digits"),
    )
    return sum(
        (signs * (10 if length == 1 else 9 * 10 ** (length - 1))) ** count
        * operators ** (count - 1)
        for count in terms
        for length in digits
    )


def _tuples(config: Config) -> int:
    values, counts = (
        len(_integers(config, "min_value", "max_value")),
        _lengths(config, "min_numbers", "max_numbers"),
    )
    return sum(values**count for count in counts)


def _fractions(config: Config) -> int:
    values, factors = (
        len(range(1, _whole(config["max_value"]) + 1)),
        len(_integers(config, "min_factor", "max_factor")),
    )
    return values**2 * factors * len(config["styles"])


_FORMULAS: Final[dict[str, Callable[[Config], int]]] = {
    "chain_sum": lambda config: _expressions(config, operators=2),
    "products": lambda config: _expressions(config, operators=1),
    "gcd": _tuples,
    "lcm": _tuples,
    "count_bits": lambda config: len(_integers(config, "min_n", "max_n")),
    "count_primes": lambda config: len(_integers(config, "min_n", "max_n")) ** 2,
    "prime_factorization": lambda config: len(_integers(config, "min_value", "max_value")),
    "fraction_simplification": _fractions,
}
