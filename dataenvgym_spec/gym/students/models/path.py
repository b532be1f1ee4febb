"""A model directory in the transformers format."""

from __future__ import annotations

from pathlib import Path

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.students.models.protocol import Found


class Local:
    """A student in a directory of the repository, or of a folder that the user allows."""

    def __init__(self, *, path: Path) -> None:
        self.path = path

    def find(self, _size: int | None = None) -> Found:
        """The directory itself: whoever named it has verified what it holds.

        Raises:
            StageError: the directory holds no model.
        """
        if not (self.path / "config.json").is_file():
            raise StageError(
                f"'{self.path}' holds no model: config.json is missing",
                help="save the model there with save_pretrained",
            )
        return Found(folder=self.path)
