"""A model directory in the transformers format."""

from __future__ import annotations

import shutil
from pathlib import Path

from dataenvgym_spec.core.errors import StageError


class Local:
    """A student that lies in the repository."""

    def __init__(self, *, path: Path) -> None:
        self.path = path

    def fetch(self, out: Path) -> None:
        """Copies the model to where the stage writes.

        Raises:
            StageError: the directory holds no model.
        """
        if not (self.path / "config.json").is_file():
            raise StageError(
                f"'{self.path}' holds no model: config.json is missing",
                help="save the model there with save_pretrained",
            )
        shutil.copytree(self.path, out, dirs_exist_ok=True)
