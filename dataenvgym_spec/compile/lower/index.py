"""What the index of an experiment says besides its stages."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from msgspec import UNSET

from dataenvgym_spec.compile.lower.noise import copies_of
from dataenvgym_spec.language.analysis import BASE, Contrast, Other
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.options import at, without
from dataenvgym_spec.records.experiment import Index, Question, Student
from dataenvgym_spec.resolve.arms import Arm, Resolved
from dataenvgym_spec.resolve.same_as import stamps

COMPARED = ("task", "student", "teachers", "environment", "skills", "agent", "loop", "select")
"""The parts of a spec that make a difference to results."""
SELDOM = ("baselines", "data_from", "test")
"""Further ones, where they are said."""

EACH = "all students answered the sealed test: whoever picks one by that has no test left"
"""What every report of an experiment must say whose spec has `test: {evaluate: each}`."""

LAST = "the best student is the last one: nothing was selected (select.by)"
"""The same of one whose arms have `select: {by: last}`."""


def index(resolved: Resolved) -> Index:
    """The index of an experiment, without its stages yet."""
    base = resolved.base
    arms = {arm.name: arm for arm in resolved.arms}
    questions = [question(contrast, arms) for contrast in base.analysis.contrasts]
    stamped = stamps(msgspec.to_builtins(base.task.splits))
    if base.test is not None:
        stamped.append(EACH)
    if all(arm.experiment.select.by == "last" for arm in resolved.arms):
        stamped.append(LAST)
    iterations = {name: arm.experiment.loop.iterations for name, arm in arms.items()}
    return Index(
        name=base.name,
        description=base.description,
        arms=tuple(arms),
        seeds=base.seeds.runs(),
        iterations=iterations,
        contrasts=tuple(questions),
        settings={name: settings(arm) for name, arm in arms.items()},
        inputs=dict(sorted(resolved.inputs.items())),
        sweep=resolved.sweep or None,
        stamps=tuple(stamped) or None,
        noise=copies_of(resolved),
    )


def question(contrast: Contrast, arms: Collection[str]) -> Question:
    """A contrast as the report asks it: with both arms and students, each by its plain name.

    Args:
        contrast: as the spec says it.
        arms: the names of all arms.
    """
    against, student = contrast.against, _plain(contrast.student)
    other: Student = student
    if isinstance(against, Other):
        arm = contrast.arm if against.arm is UNSET else against.arm
        other = student if against.student is UNSET else _plain(against.student)
    # The word is an arm where there is one of that name: specs had such arms before it.
    elif against == BASE and BASE not in arms:
        arm, other = contrast.arm, BASE
    else:
        arm = against
    slices = {} if contrast.slice is UNSET else contrast.slice
    return Question(
        arm=contrast.arm,
        against=arm,
        student=student,
        split=contrast.split,
        primary=contrast.primary,
        other=None if other == student else other,
        skill=None if contrast.skill is UNSET else contrast.skill,
        slice=tuple((name, str(slices[name])) for name in sorted(slices)),
        equivalence=None if contrast.equivalence is UNSET else contrast.equivalence,
    )


def _plain(student: Student) -> Student:
    """The student of iteration 0 is the base."""
    return BASE if student == 0 else student


def settings(arm: Arm) -> dict[str, Any]:
    """What a person compares arms by."""
    plain: dict[str, Any] = msgspec.to_builtins(arm.experiment)
    for slot, place, options in arm.experiment.components():
        for path in definition(slot, options["kind"]).marked("x-circumstance"):
            if at(plain, (*place, *path)) is not None:
                plain = without(plain, (*place, *path))
    compared = {key: plain[key] for key in COMPARED}
    # Few specs have these, and an index without any is what it was.
    return compared | {key: plain[key] for key in SELDOM if plain[key]}
