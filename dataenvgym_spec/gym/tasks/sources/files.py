"""A local table file: JSON lines, a JSON array, CSV or Parquet, plain or gzip."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataenvgym_spec.gym.tasks.sources.table import BadRows, Table
from dataenvgym_spec.records.formats import Bad, Rows
from dataenvgym_spec.records.items import WORDS, Form
from dataenvgym_spec.records.reading import Reading


class Files(Table):
    """A finite source of items, or of rows that another source joins."""

    def __init__(
        self,
        *,
        path: Path,
        fields: Mapping[str, Any] | None = None,
        layout: str | None = None,
        bad_rows: BadRows = "refuse",
        join: Mapping[str, Any] | None = None,
        without: Mapping[str, Any] | None = None,
        form: Form = WORDS,
    ) -> None:
        self.path, self.place = path, str(path)
        skips = bad_rows == "skip"
        self.reading = Reading(tables=True, layout=layout, skips=skips)
        self.read(
            fields=fields or {}, form=form, layout=layout, skips=skips, join=join, without=without
        )

    def own_rows(self, bad: Bad) -> Rows:
        """See `Table`."""
        return self.reading.rows(self.path, bad)
