"""Asks a procedural teacher for what is planned, and looks into the student."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from dataenvgym_spec.gym import Example, ProceduralEngine, ProceduralTeacher, Request, Tools


class Watcher(ProceduralEngine):
    """Notes in every example which files the student has."""

    def __init__(self, *, teacher: ProceduralTeacher, student: Path, base: Path | None) -> None:
        super().__init__(teacher=teacher, oversample=1.0, corrupt=0.0)
        self.files = sorted(path.name for path in student.iterdir())

    def generate(self, requests: Sequence[Request], tools: Tools) -> Iterator[Example]:
        """Candidates for all requests."""
        for example in super().generate(requests, tools):
            metadata = {**example.metadata, "files": self.files}
            yield msgspec.structs.replace(example, metadata=metadata)
