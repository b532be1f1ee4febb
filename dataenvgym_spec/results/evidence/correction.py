"""Holm's correction: p values of several contrasts that are looked at together."""

from __future__ import annotations

from collections.abc import Sequence


def holm(values: Sequence[float], declared: int) -> tuple[float, ...]:
    """Adjusted p values in the order of the raw ones (Holm 1979, Scand. J. of Statistics 6, 65-70).

    All that are below a level can be claimed at once, with that level as the chance that any claim
    is wrong, whatever depends on what.

    >>> holm([0.01, 0.04, 0.03], 3)
    (0.03, 0.06, 0.06)

    Args:
        values: the raw p values that there are.
        declared: how many contrasts the family has; those without a value count as p = 1.

    Raises:
        ValueError: there are more values than contrasts.
    """
    if len(values) > declared:
        raise ValueError(f"{len(values)} p values of {declared} contrasts")
    adjusted = [1.0] * len(values)
    highest = 0.0
    ordered = sorted(range(len(values)), key=lambda place: values[place])
    for rank, place in enumerate(ordered):
        highest = max(highest, min(1.0, (declared - rank) * values[place]))
        adjusted[place] = highest
    return tuple(adjusted)
