"""A student that was trained again, beside the one in the store: both answer the same items.

Weights of other bytes do not say whether a student does something else. What it answers is held
against the stored answers of the old student, if these were given as the new ones are, and by just
this student; where they were not, the old one answers again, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.contents import Contents
from dataenvgym_spec.execute.content import read_stage
from dataenvgym_spec.execute.inputs import Inputs
from dataenvgym_spec.execute.rescored import rescored
from dataenvgym_spec.execute.run import execute, parsed
from dataenvgym_spec.execute.stopped import stopped
from dataenvgym_spec.graph.component import Circumstances
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.records.experiment import Index
from dataenvgym_spec.records.files import read
from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.records.replicas import ScoreReplica
from dataenvgym_spec.results.examiners import examiner
from dataenvgym_spec.results.stamps import facts_of
from dataenvgym_spec.store.dvc.intact import is_altered
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.scratch import Scratch

STUDENT: Final = "student"


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What both students answered.

    Attributes:
        arm: as whose students.
        asked: how many of them answered now: the new one, or both.
        scores: the old student's accuracy, and the new one's.
    """

    arm: str
    asked: int
    scores: tuple[ScoreReplica, ...]


def examined(
    layout: Layout, index: Index, training: str, folder: Path, circumstances: Circumstances
) -> Examined | None:
    """Has a student that was trained again answer what the one in the store was scored on.

    Args:
        layout: the repository.
        index: of the experiment.
        training: the key of the stage that made both.
        folder: the scratch of that stage, with the new student in `out`.
        circumstances: how components run here.

    Returns:
        None if nothing scores the student alone, or its loop had stopped.

    Raises:
        StageError: it cannot answer here.
        UserError: the same.
    """
    found = examiner(layout, index, training)
    if found is None:
        return None
    directory, split = found
    content = read_stage(layout, directory)
    if stopped(layout, content):
        return None
    stage = parsed(content)
    inputs = Inputs.of(layout, content, stage)

    def answered(name: str, inputs: Inputs) -> Scratch:
        space = Scratch(path=folder / name, target=folder / "unpublished")
        execute(layout, stage, inputs, space, circumstances=circumstances)
        return space

    new = answered("answers", inputs.with_port(layout, STUDENT, folder / "out" / STUDENT))
    stored, asked = layout.stage(directory), 1
    before = stored / "out" / split
    if not _comparable(layout, directory, stage, inputs, new):
        before, asked = answered("answers-before", inputs).out / split, 2
    scores = rescored(split, before, new.out / split)
    uses = next(row.uses for row in index.stages if row.directory == directory)
    return Examined(arm=uses[0].arm, asked=asked, scores=tuple(scores))


def _comparable(layout: Layout, directory: str, stage: Stage, inputs: Inputs, new: Scratch) -> bool:
    """Whether the stored answers are of the stored student, and were given as new ones are."""
    stored = layout.stage(directory)
    log = stored / "log" / "run.json"
    if not log.is_file() or inputs.other_than(layout, directory, stage.kind):
        return False
    contents = Contents(layout.root)
    if any(is_altered(contents, stored, port) for port in stage.ports):
        return False
    logs = (read(path, Log) for path in (log, new.log / "run.json"))
    first, second = map(facts_of, logs)
    return first == second
