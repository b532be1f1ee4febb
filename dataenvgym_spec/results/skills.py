"""The skills of arms: how good the discoveries of their names are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.records.quality import SkillQuality
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.run import Iteration
from dataenvgym_spec.results.stage import StageResult, read_record

NAMING: Final = ("skills", "assign")
"""The kinds of stages that name the skills of feedback, in order."""
FILE: Final = "quality.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmQuality:
    """The quality of the skills of one arm.

    Attributes:
        arm: the arm.
        stage: the kind of the stage that measured it: `skills` on the items that the skills were
            made of, `assign` on all of feedback.
        quality: what it measured.
    """

    arm: str
    stage: str
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
        base = results.of_arm(arm)[0].iterations[0]
        for stage, quality in measured(base):
            rows.append(ArmQuality(arm=arm, stage=stage.kind, quality=quality))
    return tuple(rows)
