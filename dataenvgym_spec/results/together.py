"""Answers to the sealed test that count together, where items show images: of arms and students."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dataenvgym_spec.results.evidence.statistics import Estimate, mean_over_runs
from dataenvgym_spec.results.evidence.together import WAYS, together
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.run import Run
from dataenvgym_spec.results.skills import STUDENTS

Sets = tuple[int, Estimate]
"""How many sets of answers there are, and the part of them that is all right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TogetherAccuracy:
    """How students of one arm do where several answers have to be right.

    Attributes:
        arm: the arm.
        way: what the answers of a set have in common: `question`, `image` or `cluster`.
        sets: of more than one answer each.
        students: of each student that there is, the part of the sets in which every answer is
            right, with its interval by cluster or, over several runs, over these.
    """

    arm: str
    way: str
    sets: int
    students: tuple[tuple[str, Estimate], ...]


def together_accuracies(results: Results) -> tuple[TogetherAccuracy, ...]:
    """The figures of every arm whose sealed test shows images."""
    rows: list[TogetherAccuracy] = []
    for arm in results.index.arms:
        rows += by_way(results.of_arm(arm))
    return tuple(rows)


def by_way(runs: Sequence[Run]) -> list[TogetherAccuracy]:
    """The figures of one arm; none where its test shows no images."""
    rows = []
    for way, students in _by_way(runs):
        first = next(iter(students.values()))[0]
        estimates = tuple((student, _over(of_runs)) for student, of_runs in students.items())
        row = TogetherAccuracy(arm=runs[0].arm, way=way, sets=first[0], students=estimates)
        rows.append(row)
    return rows


def _by_way(runs: Sequence[Run]) -> Iterator[tuple[str, dict[str, list[Sets]]]]:
    """The sets of answers by way and student: those of each run."""
    found: dict[str, dict[str, list[Sets]]] = {}
    for student in STUDENTS:
        for run in runs:
            rows = run.sealed(student)
            if any(row.images for row in rows):
                for way, sets in together(rows).items():
                    found.setdefault(way, {}).setdefault(student, []).append(sets)
    yield from ((way, found[way]) for way in WAYS if way in found)


def _over(runs: Sequence[Sets]) -> Estimate:
    """The part of the one run, or the mean over runs."""
    return mean_over_runs([estimate for _, estimate in runs])
