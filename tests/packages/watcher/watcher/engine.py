"""Asks a procedural teacher for what is planned, and looks into the student."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dataenvgym_spec.gym.engines.procedural import Procedural
from dataenvgym_spec.records.items import Item


class Watcher(Procedural):
    """Notes in every example which files the student has."""

    def __init__(self, *, teacher: dict[str, Any], student: Path, base: Path | None) -> None:
        super().__init__(teacher=teacher, oversample=1.0, corrupt=0.0)
        self.files = sorted(path.name for path in student.iterdir())

    def candidates(self, requests: dict[str, int], seed: int) -> Iterator[Item]:
        """Candidates for `requests` examples of each skill."""
        for item in super().candidates(requests, seed):
            yield Item(**{**item.row(), "metadata": {**item.metadata, "files": self.files}})
