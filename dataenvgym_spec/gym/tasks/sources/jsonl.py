"""A local file with one JSON object per line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.tasks.sources.rows import Columns
from dataenvgym_spec.records.items import Item


class Jsonl:
    """A finite source of items."""

    procedural = False

    def __init__(self, *, path: Path, fields: dict[str, str]) -> None:
        self.columns = Columns(fields=fields)
        try:
            rows = [
                json.loads(line)
                for line in path.read_text(encoding="utf-8").split("\n")
                if line.strip()
            ]
        except (OSError, ValueError) as error:
            raise StageError(
                f"'{path}' is no JSON-lines file: {error}", help="write one JSON object per line"
            ) from error
        self.items = self.columns.items(rows)

    def groups(self) -> list[str]:
        """The values of the group column."""
        return sorted({item.group for item in self.items})

    def stream(self, group: str, seed: int) -> Iterator[Item]:
        """The items of one group, each once."""
        return (item for item in self.items if item.group == group)
