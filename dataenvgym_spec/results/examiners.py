"""Which stage scores the student of one training on items that may be looked at again.

That is selection, or what the copies of the noise floor answer. The sealed test is meant only where
the floor is measured on it, and for its student alone: whoever computes again opens no test.
"""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.records.experiment import Index, IndexedStage, StageUse
from dataenvgym_spec.records.files import read_json
from dataenvgym_spec.store.layout import Layout


def examiner(layout: Layout, index: Index, training: str) -> tuple[str, str] | None:
    """The directory of that stage, and its split; None if nothing scores the student alone.

    Args:
        layout: the repository.
        index: of the experiment.
        training: the key of the stage that made the student.
    """
    readers = [row for row in index.stages if row.kind == "evaluate" and training in row.inputs]
    measured = "selection" if index.noise is None else index.noise.split
    for split in dict.fromkeys((measured, "selection")):
        for row in readers:
            if _is_meant(row, split) and _asks_alone(layout, row.directory, training, split):
                return row.directory, split
    return None


def _is_meant(row: IndexedStage, split: str) -> bool:
    """Whether a use of a stage is the loop's own, or the noise floor's."""
    return any(_may_be_asked_again(use, split) for use in row.uses)


def _may_be_asked_again(use: StageUse, split: str) -> bool:
    if (use.baseline, use.probe, use.each) != (None, None, None):
        return False
    return split != "test" or use.copy is not None


def _asks_alone(layout: Layout, directory: str, training: str, split: str) -> bool:
    """Whether a stage has this student alone answer a split, as it does outside of copies."""
    try:
        content = read_json(layout.stage(directory) / "stage.json")
        params, inputs = content["params"], content["inputs"]
        students: Sequence[str] = [key for slot, key, _ in inputs if slot == "student"]
        slots = {slot for slot, _, _ in inputs}
    except (OSError, StageError, KeyError, TypeError, ValueError):
        return False
    asked = (params.get("splits"), params.get("salt"))
    return asked == ([split], None) and students == [training] and "choice" not in slots
