"""A model directory in the transformers format."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.students.models.protocol import ModelTools


class Local:
    """A student in a directory of the repository."""

    def __init__(self, *, path: Path) -> None:
        self.path = path

    def prepare(self, out: Path, tools: ModelTools) -> dict[str, Any]:
        """Copies the model to a folder.

        Raises:
            StageError: the directory holds no model.
        """
        if not (self.path / "config.json").is_file():
            raise StageError(
                f"'{self.path}' holds no model: config.json is missing",
                help="save the model there with save_pretrained",
            )
        # The folder of the stage is there already.
        with tools.phase("fetch"):
            shutil.copytree(self.path, out, dirs_exist_ok=True)
        return {}
