"""A local file with one JSON object per line."""

from __future__ import annotations

from pathlib import Path

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.tasks.sources.rows import Listed
from dataenvgym_spec.records.items import WORDS, Form
from dataenvgym_spec.records.rows import Columns
from dataenvgym_spec.records.tables import RowFault, rows_of


class Jsonl(Listed):
    """A finite source of items."""

    def __init__(self, *, path: Path, fields: dict[str, str], form: Form = WORDS) -> None:
        columns = Columns(fields=fields, form=form)
        try:
            self.items, self.skipped = columns.items(rows_of(path))
        except RowFault as fault:
            raise StageError(fault.text(str(path)), help=fault.help) from fault
        except (OSError, EOFError) as error:
            message = f"'{path}' cannot be read: {error}"
            raise StageError(message, help="check the file") from error
