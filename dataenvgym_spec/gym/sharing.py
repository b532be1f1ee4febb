"""Divides an amount in proportion to weights."""

from __future__ import annotations


def share_out(weights: dict[str, float], amount: int) -> dict[str, int]:
    """Whole numbers in proportion to weights that sum to `amount`, by the largest remainder.

    This is Hamilton's method.

    Examples:
        >>> share_out({"a": 1.0, "b": 1.0, "c": 1.0}, 10)
        {'a': 4, 'b': 3, 'c': 3}
    """
    total = sum(weights.values())
    exact = {name: amount * weight / total for name, weight in weights.items()}
    shares = {name: int(value) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (shares[name] - exact[name], name))
    for name in by_remainder[: amount - sum(shares.values())]:
        shares[name] += 1
    return shares
