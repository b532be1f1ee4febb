"""The skills of arms: how good the discoveries are, and how students do by skill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.quality import SkillQuality
from dataenvgym_spec.results.evidence.scores import accuracy, by_skill
from dataenvgym_spec.results.evidence.statistics import Estimate, mean_over_runs
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.run import Iteration, Run
from dataenvgym_spec.results.settings import at
from dataenvgym_spec.results.stage import StageResult, read_record

NAMING: Final = {"skills": "what they were made of", "assign": "all of feedback"}
"""The kinds of stages that name the skills of feedback, and of which items, in words."""
LABELLED: Final = ("selection", "test")
"""The splits that can be labelled for the report."""
FILE: Final = "quality.json"
STUDENTS: Final = ("base", "best", "last")
"""Whose accuracy is shown by skill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmQuality:
    """The quality of the skills of one arm.

    Attributes:
        arm: the arm.
        items: on which items, in words.
        quality: what it measured.
    """

    arm: str
    items: str
    quality: SkillQuality


def quality_of(stage: StageResult) -> SkillQuality | None:
    """What a stage that names skills says of their quality; None if it does not (yet)."""
    path = stage.path / "log" / FILE
    return read_record(path, SkillQuality) if stage.done and path.is_file() else None


def measured(turn: Iteration) -> list[tuple[StageResult, SkillQuality]]:
    """The stages of an iteration that name skills, with what they say of their quality."""
    found = []
    for stage in (stage for kind in NAMING for stage in turn.of(kind)):
        quality = quality_of(stage)
        if quality is not None:
            found.append((stage, quality))
    return found


def qualities(results: Results) -> tuple[ArmQuality, ...]:
    """The quality of the skills of every arm: its runs share them."""
    rows = []
    for arm in results.index.arms:
        run = results.of_arm(arm)[0]
        for stage, quality in measured(run.iterations[0]):
            rows.append(ArmQuality(arm=arm, items=NAMING[stage.kind], quality=quality))
        for split in LABELLED:
            labelling = run.labelling(split)
            of_split = None if labelling is None else quality_of(labelling)
            if of_split is not None:
                rows.append(ArmQuality(arm=arm, items=f"the {split} split", quality=of_split))
    return tuple(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillAccuracy:
    """How students of one arm do in one skill, on a split that a spec has labelled.

    Attributes:
        arm: the arm.
        split: `selection` or `test`.
        skill: its name.
        items: how many items of the split have it.
        students: the accuracy of each student that there is, with its interval.
    """

    arm: str
    split: str
    skill: str
    items: int
    students: tuple[tuple[str, Estimate], ...]


def labelled(results: Results, arm: str) -> tuple[str, ...]:
    """The splits that an arm's spec has labelled with skills."""
    return tuple(at(results.settings[arm], "skills.label") or ())


def skill_accuracies(results: Results) -> tuple[SkillAccuracy, ...]:
    """Accuracy by skill of every arm on the splits that its spec has labelled."""
    rows: list[SkillAccuracy] = []
    for arm in results.index.arms:
        for split in labelled(results, arm):
            rows += by_split(results.of_arm(arm), split)
    return tuple(rows)


def group_accuracies(results: Results) -> tuple[SkillAccuracy, ...]:
    """Accuracy by group of the source on the sealed test, of arms with no labels of their own.

    There is none where the source has one group.
    """
    rows: list[SkillAccuracy] = []
    for arm in results.index.arms:
        if "test" not in labelled(results, arm):
            groups = by_split(results.of_arm(arm), "test")
            rows += groups if len(groups) > 1 else []
    return tuple(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceAccuracy:
    """How students of one arm do on a part of the sealed test.

    Attributes:
        arm: the arm.
        name: what the spec calls the slices, such as a level.
        value: which of them.
        items: how many items it has.
        students: the accuracy of each student that there is, with its interval.
    """

    arm: str
    name: str
    value: str
    items: int
    students: tuple[tuple[str, Estimate], ...]


def slice_accuracies(results: Results) -> tuple[SliceAccuracy, ...]:
    """Accuracy by the slices that a source names, on the sealed test."""
    rows: list[SliceAccuracy] = []
    for arm in results.index.arms:
        rows += by_slice(results.of_arm(arm))
    return tuple(rows)


def by_slice(runs: Sequence[Run]) -> list[SliceAccuracy]:
    """Accuracy by slice of the students of one arm on the sealed test, slices in order."""
    rows = []
    for (name, value), students in _sliced(runs).items():
        estimates = tuple((student, _estimate(of)) for student, of in students.items())
        items = len(next(iter(students.values()))[0])
        row = SliceAccuracy(
            arm=runs[0].arm, name=name, value=value, items=items, students=estimates
        )
        rows.append(row)
    return rows


def _sliced(runs: Sequence[Run]) -> dict[tuple[str, str], dict[str, list[list[Result]]]]:
    """Answers to the sealed test by slice, in order, and student: those of each run."""
    found: dict[tuple[str, str], dict[str, list[list[Result]]]] = {}
    for student in STUDENTS:
        for run in runs:
            mine: dict[tuple[str, str], list[Result]] = {}
            for row in run.sealed(student):
                for place in (row.slices or {}).items():
                    mine.setdefault(place, []).append(row)
            for place, rows in mine.items():
                found.setdefault(place, {}).setdefault(student, []).append(rows)
    return dict(sorted(found.items()))


def by_split(runs: Sequence[Run], split: str) -> list[SkillAccuracy]:
    """Accuracy by skill of the students of one arm on a split, skills in alphabetical order."""
    rows = []
    for skill, students in _sorted(runs, split).items():
        estimates = tuple((student, _estimate(of_runs)) for student, of_runs in students.items())
        items = len(next(iter(students.values()))[0])
        row = SkillAccuracy(
            arm=runs[0].arm, split=split, skill=skill, items=items, students=estimates
        )
        rows.append(row)
    return rows


def _sorted(runs: Sequence[Run], split: str) -> dict[str, dict[str, list[list[Result]]]]:
    """Answers by skill, in alphabetical order, and student: those of each run that has some."""
    found: dict[str, dict[str, list[list[Result]]]] = {}
    for student in STUDENTS:
        for run in runs:
            answers = by_skill(_answers(run, student, split), run.names(split))
            for skill, mine in answers.items():
                found.setdefault(skill, {}).setdefault(student, []).append(mine)
    return dict(sorted(found.items()))


def _answers(run: Run, student: str, split: str) -> list[Result]:
    """The answers of base, best or last to a split; empty before they are there."""
    if split == "test":
        return run.sealed(student)
    number = run.iteration_of(student)
    return [] if number is None else run.iterations[number].results(split)


def _estimate(runs: Sequence[Sequence[Result]]) -> Estimate:
    """The accuracy of the one run, or the mean over runs."""
    return mean_over_runs([accuracy(rows) for rows in runs])
