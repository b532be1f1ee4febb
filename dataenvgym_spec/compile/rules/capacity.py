"""How many distinct items a group of a source can have at most, by formulas the source declares.

The declaration (`x-sizes`) names the option that tells groups apart, the option that holds the
options of a group, and a formula for each value of the first. No library is imported: a formula
covers only what follows from the bounds of a group, and holds only where the group states all of
them, so that a changed default of a library cannot make a bound wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, Final

Options = Mapping[str, Any]
Formula = Mapping[str, Any]
"""One of three forms, told apart by the only key.

    product      factors: the length of a span, or the number of `choices` of an option, to an
                 `exponent`
    sequences    the sequences of some `lengths` of some `values`
    expressions  the sums or products of `terms` of some `digits`

A span is `{from, to}`, each a whole number or the name of an option.
"""

LARGEST: Final = 10**15
"""Sizes beyond it are as good as endless."""
LONGEST: Final = 20
"""With more terms, digits or numbers than this a size is beyond any bound."""


def capacity(sizes: Mapping[str, Any], group: Options) -> int | None:
    """An upper bound on the distinct items of a group, or None where nothing is known.

    Args:
        sizes: what the source declares.
        group: the options of the group.

    >>> formula = {"product": [{"from": 1, "to": "n"}]}
    >>> sizes = {"by": "task", "options": "of", "formulas": {"bits": formula}}
    >>> capacity(sizes, {"task": "bits", "of": {"n": 100}})
    100
    """
    formula = sizes["formulas"].get(str(group.get(sizes["by"])))
    if formula is None:
        return None
    try:
        size = _size(formula, group.get(sizes["options"], {}))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None  # incomplete or odd: the run will say what is wrong with it
    return size if 0 < size <= LARGEST else None


def _size(formula: Formula, options: Options) -> int:
    if "product" in formula:
        return prod(_factor(factor, options) for factor in formula["product"])
    if "sequences" in formula:
        return _sequences(formula["sequences"], options)
    return _expressions(formula["expressions"], options)


def _factor(factor: Formula, options: Options) -> int:
    if "choices" in factor:
        return len(options[factor["choices"]])
    length = len(_span(factor, options))
    return int(length ** factor.get("exponent", 1))


def _sequences(formula: Formula, options: Options) -> int:
    values = len(_span(formula["values"], options))
    return sum(values**length for length in _lengths(formula["lengths"], options))


def _expressions(formula: Formula, options: Options) -> int:
    """Terms of one length in digits joined by operators; a number of one digit may be 0."""
    signs = 2 if options.get(formula["negation"]) else 1
    size = 0
    for terms in _lengths(formula["terms"], options):
        for digits in _lengths(formula["digits"], options):
            numbers = signs * (10 if digits == 1 else 9 * 10 ** (digits - 1))
            joined = formula["operators"] ** (terms - 1)
            size += numbers**terms * joined
    return size


def _lengths(span: Formula, options: Options) -> range:
    lengths = _span(span, options)
    if lengths and (lengths[0] < 1 or lengths[-1] > LONGEST):
        raise OverflowError
    return lengths


def _span(span: Formula, options: Options) -> range:
    low, high = _whole(span["from"], options), _whole(span["to"], options)
    return range(low, high + 1)


def _whole(bound: int | str, options: Options) -> int:
    value = options[bound] if isinstance(bound, str) else bound
    if not isinstance(value, int):
        raise TypeError
    return value
