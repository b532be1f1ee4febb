"""pass@k: how likely one of k answers to an item is right, from the answers that were drawn."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import Final

from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.results.evidence.statistics import Estimate, clustered_proportion

USUAL: Final = (1, 10, 100)
"""The k that papers report, as far as so many answers were drawn; and all of them."""


def pass_at(k: int, drawn: int, right: int) -> float:
    """The unbiased estimate of pass@k from some answers to one item.

    It is the share of the subsets of k answers that hold a right one (Chen et al. 2021, arXiv
    2107.03374, equation 1); 1 - (1 - right / drawn)^k would be too low.

    >>> pass_at(1, 4, 1), pass_at(2, 4, 1), pass_at(4, 4, 1)
    (0.25, 0.5, 1.0)

    Raises:
        ValueError: fewer than k answers were drawn.
    """
    if not 1 <= k <= drawn:
        raise ValueError(f"pass@{k} of {drawn} answers")
    return 1 - comb(drawn - right, k) / comb(drawn, k)


def passes(rows: Sequence[Result]) -> tuple[tuple[int, Estimate], ...]:
    """pass@k over items, by k; nothing where a single answer to each was written.

    The interval is Wilson's, which is wide enough: a value between 0 and 1 varies at most as much
    as a mark of 0 or 1 with the same mean (Bhatia and Davis 2000, Am. Math. Monthly 107, 353-357).
    """
    drawn = min((len(row.samples) for row in rows), default=0)
    if drawn < 2:
        return ()
    ks = sorted({*(k for k in USUAL if k < drawn), drawn})
    return tuple((k, _mean(k, rows)) for k in ks)


def _mean(k: int, rows: Sequence[Result]) -> Estimate:
    values = []
    for row in rows:
        right = sum(sample.correct for sample in row.samples)
        values.append((row.unit, pass_at(k, len(row.samples), right)))
    return clustered_proportion(values)
