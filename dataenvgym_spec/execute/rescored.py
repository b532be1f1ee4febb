"""Answers that were given again, beside those of a result: how scores moved, student by student."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.files import read_all
from dataenvgym_spec.records.replicas import ScoreReplica

RESULTS: Final = "results.jsonl"


def rescored(split: str, stored: Path, again: Path) -> Iterator[ScoreReplica]:
    """The accuracies of both, of each student that they score.

    Args:
        split: whose items were answered.
        stored: the port of the result.
        again: the same port, computed again.
    """
    if not all((folder / RESULTS).is_file() for folder in (stored, again)):
        return
    rows = [_by_student(folder / RESULTS) for folder in (stored, again)]
    for iteration in rows[0]:
        first, second = (mine.get(iteration, {}) for mine in rows)
        both = sorted(first.keys() & second.keys())
        if not both:
            continue
        before = [first[id].correct for id in both]
        after = [second[id].correct for id in both]
        pairs = list(zip(before, after, strict=True))
        yield ScoreReplica(
            split=split,
            iteration=iteration,
            before=sum(before) / len(both),
            after=sum(after) / len(both),
            items=len(both),
            gained=pairs.count((False, True)),
            lost=pairs.count((True, False)),
            reworded=sum(first[id].prediction != second[id].prediction for id in both),
        )


def _by_student(path: Path) -> dict[int | None, dict[str, Result]]:
    students: dict[int | None, dict[str, Result]] = {}
    for row in read_all(path, Result):
        students.setdefault(row.iteration, {})[row.id] = row
    return students
