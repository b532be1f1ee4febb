"""The checkpoints of a training: folders that are whole once they hold a file that says so.

Also what is not a trainer looks at them, so nothing heavy is imported.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

DONE: Final = "complete"
"""The file that marks a checkpoint whole: one without it is the work of a killed process."""
FOLDER: Final = "checkpoints"
"""Where a training keeps them, in what it works on."""


def mark_of(folder: Path) -> Path:
    """The file that says which training the checkpoints of a folder are of."""
    return folder.with_suffix(".txt")


def whole_checkpoints(folder: Path) -> list[Path]:
    """Those of a folder that are whole, by their steps."""
    return sorted((path.parent for path in folder.glob(f"checkpoint-*/{DONE}")), key=_step)


def last_checkpoint(folder: Path) -> str | None:
    """The latest whole checkpoint of an earlier attempt."""
    whole = whole_checkpoints(folder)
    return str(whole[-1]) if whole else None


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])
