"""A local file with one JSON object per line."""

from __future__ import annotations

from pathlib import Path

from dataenvgym_spec.gym.tasks.sources.table import Table
from dataenvgym_spec.records.formats import Bad, Rows
from dataenvgym_spec.records.items import WORDS, Form
from dataenvgym_spec.records.tables import rows_of


class Jsonl(Table):
    """A finite source of items."""

    def __init__(self, *, path: Path, fields: dict[str, str], form: Form = WORDS) -> None:
        self.path, self.place = path, str(path)
        self.read(fields=fields, form=form)

    def own_rows(self, bad: Bad) -> Rows:
        """See `Table`."""
        return rows_of(self.path, bad)
