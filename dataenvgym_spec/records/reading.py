"""How a component reads the rows of its file: which formats, which layout, what of bad rows.

Validation and the stages that run read in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dataenvgym_spec.records.formats import Bad, Rows, rows_in, unit_of
from dataenvgym_spec.records.layouts import laid_out
from dataenvgym_spec.records.tables import RowFault, rows_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A way to read a file.

    Attributes:
        tables: whether it may have any format of `formats`; else it is JSON lines.
        layout: of its rows, one of `layouts`; None where columns are named.
        skips: whether rows that cannot be used are left out and counted.
    """

    tables: bool = False
    layout: str | None = None
    skips: bool = False

    def collector(self) -> Bad:
        """What collects bad rows; None where they are an error."""
        return [] if self.skips else None

    def rows(self, path: Path, bad: Bad = None) -> Rows:
        """The rows of a file, each with its number.

        Raises:
            RowFault: the file, or a row that `bad` does not collect, cannot be used.
            OSError: the file cannot be read.
        """
        if not self.tables:
            return self.laid(rows_of(path, bad), bad)
        return self.laid(rows_in(path, bad), bad, unit=unit_of(path))

    def laid(
        self, rows: Iterable[tuple[int, dict[str, object]]], bad: Bad, unit: str = "row"
    ) -> Rows:
        """Rows in their layout."""
        for number, row in rows:
            if self.layout is None:
                yield number, row
                continue
            try:
                whole = laid_out(self.layout, number, row, unit=unit)
            except RowFault as fault:
                if bad is None:
                    raise
                bad.append(fault)
            else:
                yield number, whole
