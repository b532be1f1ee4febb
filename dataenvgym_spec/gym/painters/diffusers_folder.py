"""Paints with a text-to-image pipeline in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataenvgym_spec.gym.painters.pipeline import Painting


class DiffusersFolder(Painting):
    """See `Painting`."""

    def __init__(self, *, path: Path, **options: Any) -> None:
        super().__init__(**options)
        self.path = path

    def source(self) -> tuple[str, dict[str, Any]]:
        """The folder; nothing is asked of the hub."""
        return str(self.path), {"local_files_only": True}
