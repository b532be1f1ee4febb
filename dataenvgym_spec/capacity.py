"""How many distinct problems a family of reasoning-gym can have at most, from its configuration alone.

The library is not imported: a formula is given for data sets whose size follows from their bounds, and only where the
configuration states all of them, so that a changed default of the library cannot make a bound wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Config = Mapping[str, Any]


def capacity(family: Mapping[str, Any]) -> int | None:
    """An upper bound on the distinct problems of a family, or None where nothing is known.

    >>> capacity({"dataset": "products", "config": {"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 1}})
    100
    """
    formula = _FORMULAS.get(str(family.get("dataset")))
    try:
        return formula(family.get("config", {})) if formula else None
    except (KeyError, TypeError, ValueError, OverflowError):
        return None  # incomplete or odd: the run will say what is wrong with it


def _integers(config: Config, low: str, high: str) -> range:
    return range(int(config[low]), int(config[high]) + 1)


def _expressions(config: Config, *, operators: int) -> int:
    """Terms of one length in digits joined by operators; a number of one digit may be 0."""
    signs = 2 if config.get("allow_negation") else 1
    terms, digits = _integers(config, "min_terms", "max_terms"), _integers(config, "min_digits", "max_digits")
    if max(terms, default=0) > 20 or max(digits, default=0) > 20:
        raise OverflowError
    return sum((signs * (10 if length == 1 else 9 * 10 ** (length - 1))) ** count * operators ** (count - 1) for count in terms for length in digits)


def _tuples(config: Config) -> int:
    values, counts = len(_integers(config, "min_value", "max_value")), _integers(config, "min_numbers", "max_numbers")
    if max(counts, default=0) > 20:
        raise OverflowError
    return sum(values**count for count in counts)


def _fractions(config: Config) -> int:
    values, factors = len(range(1, int(config["max_value"]) + 1)), len(_integers(config, "min_factor", "max_factor"))
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
