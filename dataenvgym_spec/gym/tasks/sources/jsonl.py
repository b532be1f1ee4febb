"""A local file with one JSON object per line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.tasks.sources.rows import Columns, Listed


class Jsonl(Listed):
    """A finite source of items."""

    def __init__(self, *, path: Path, fields: dict[str, str]) -> None:
        self.items = Columns(fields=fields).items(_rows(path))


def _rows(path: Path) -> list[dict[str, Any]]:
    rows = []
    try:
        # Not `splitlines`: a text may hold U+2028, which JSON leaves as it is.
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line.strip():
                rows.append(json.loads(line))
    except (OSError, ValueError) as error:
        raise StageError(
            f"'{path}' is no JSON-lines file: {error}", help="write one JSON object per line"
        ) from error
    return rows
