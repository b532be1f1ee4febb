"""Answers that count together: those to one question, about one image, or of one cluster.

A student that says the same whatever it sees is right about half of the questions of a benchmark of
pairs, and about none of its pairs. NaturalBench (Li et al. 2024, arXiv 2410.14669, section 3) calls
the three the question, the image and the group score.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Final

from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.results.evidence.statistics import Estimate, clustered_proportion

WAYS: Final[dict[str, Callable[[Result], Hashable]]] = {
    "question": lambda row: (row.unit, row.input),
    "image": lambda row: (row.unit, tuple(picture.digest for picture in row.images)),
    "cluster": lambda row: row.unit,
}
"""What answers have in common that count together."""


def together(rows: Sequence[Result]) -> dict[str, tuple[int, Estimate]]:
    """For each way, how many sets of answers there are, and the part of them that is all right.

    An answer that stands alone is in no set. A way in which all do is left out, as is that of
    images where none is shown.
    """
    found = {}
    for way, of in WAYS.items():
        sets: dict[Hashable, list[Result]] = {}
        for row in rows:
            if way != "image" or row.images:
                sets.setdefault(of(row), []).append(row)
        several = [members for members in sets.values() if len(members) > 1]
        marks = [(one[0].unit, float(all(row.correct for row in one))) for one in several]
        if marks:
            found[way] = (len(marks), clustered_proportion(marks))
    return found
