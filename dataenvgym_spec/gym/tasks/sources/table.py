"""What sources of rows have in common: columns, layouts, joins and differences.

Where rows come from, a file or a data set, is the business of each source.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.tasks.sources.rows import Listed
from dataenvgym_spec.records.formats import Bad, Rows
from dataenvgym_spec.records.items import WORDS, Form, Item, question_id
from dataenvgym_spec.records.layouts import BEFORE, COLUMNS
from dataenvgym_spec.records.rows import Columns
from dataenvgym_spec.records.tables import RowFault, at, text_of

BadRows = Literal["refuse", "skip"]
TAKEN_OUT: Final = "rows that another source has too"
"""What rows are called that `without` leaves out."""
REMEDY: Final = "correct the row, or write 'bad_rows: skip'"


class Table(Listed, ABC):
    """A finite source of items, each a row of a table.

    Attributes:
        place: what messages call the table.
        unit: what is numbered of its rows.
        join: another table: whose row a row is joined with, by which columns.
        without: another table, of which no row is here.
    """

    place: str
    unit = "line"
    join: Mapping[str, Any] | None = None
    without: Mapping[str, Any] | None = None

    @abstractmethod
    def own_rows(self, bad: Bad) -> Rows:
        """The rows of the table itself, each with its number.

        Args:
            bad: collects what is wrong with single rows; None where that is an error.

        Raises:
            RowFault: one cannot be used.
            OSError: they cannot be read.
        """

    def read(
        self,
        *,
        fields: Mapping[str, Any],
        form: Form = WORDS,
        layout: str | None = None,
        skips: bool = False,
        join: Mapping[str, Any] | None = None,
        without: Mapping[str, Any] | None = None,
    ) -> None:
        """Makes the items; none where no column is named, of a table that others join.

        Args:
            fields: the columns, by what they hold; under `slices` several, by their names.
            form: what of a question does not count.
            layout: that the rows have been brought into, if any.
            skips: whether rows that cannot be used are left out and counted.
            join: see `join`.
            without: see `without`.

        Raises:
            StageError: a row, or the table, cannot be used.
        """
        self.join, self.without = join, without
        slices = fields.get("slices") or {}
        fields = {name: column for name, column in fields.items() if name != "slices"}
        optional = frozenset[str]()
        if layout is not None:
            fields, optional = {**{name: name for name in COLUMNS}, **fields}, frozenset({BEFORE})
        columns = Columns(
            fields=fields, form=form, unit=self.unit, optional=optional, slices=slices
        )
        self.items, self.skipped, self._taken_out = [], {}, 0
        if "input" in fields:
            bad: Bad = [] if skips else None
            self.items, self.skipped = self._guarded(
                lambda: columns.items(self._all_rows(bad), bad)
            )
            self._leave_out_questions(form)
        if self._taken_out:
            self.skipped = {**self.skipped, TAKEN_OUT: self._taken_out}

    def rows(self) -> Iterator[Mapping[str, Any]]:
        """The rows as other tables join them, all of them usable.

        Raises:
            StageError: one is not.
        """
        read = self._guarded(lambda: list(self._all_rows(None)))
        return (row for _, row in read)

    def keys(self, column: str) -> dict[str, Mapping[str, Any]]:
        """The rows by a column in which no two are equal.

        Raises:
            StageError: two are, or a row has no text there.
        """
        found: dict[str, Mapping[str, Any]] = {}
        for row in self.rows():
            key = self._text(row, column)
            if key in found:
                message = f"{self.place}: two rows have {key!r} in column '{column}'"
                raise StageError(message, help="join by a column that tells rows apart")
            found[key] = row
        return found

    def values(self, column: str) -> set[str]:
        """The texts that a column holds.

        Raises:
            StageError: a row has none there.
        """
        return {self._text(row, column) for row in self.rows()}

    def _guarded(self, read: Any) -> Any:
        """What is read, with what is wrong as an error of the stage."""
        try:
            return read()
        except RowFault as fault:
            raise StageError(fault.text(self.place), help=fault.help) from fault
        except (OSError, EOFError) as error:
            message = f"'{self.place}' cannot be read: {error}"
            raise StageError(message, help="check the file") from error

    def _all_rows(self, bad: Bad) -> Rows:
        """The rows that are left after a difference, joined."""
        rows = self.own_rows(bad)
        if self.without is not None and "on" in self.without:
            rows = self._different(rows, self.without, bad)
        if self.join is not None:
            rows = self._joined(rows, self.join, bad)
        return rows

    def _joined(self, rows: Rows, join: Mapping[str, Any], bad: Bad) -> Rows:
        other, column = join["source"], join["on"]
        others = other.keys(join.get("equals", column))
        for number, row in rows:
            key = self._key(number, row, column, bad)
            if key is None:
                continue
            if key in others:
                yield number, {**row, "join": others[key]}
                continue
            reason = f"has {key!r} in column '{column}', which no row of {other.place} has"
            self._tell(RowFault(line=number, reason=reason, help=REMEDY, unit=self.unit), bad)

    def _different(self, rows: Rows, without: Mapping[str, Any], bad: Bad) -> Rows:
        other, column = without["source"], without["on"]
        theirs = other.values(without.get("equals", column))
        for number, row in rows:
            key = self._key(number, row, column, bad)
            if key in theirs:
                self._taken_out += 1
            elif key is not None:
                yield number, row

    def _leave_out_questions(self, form: Form) -> None:
        """Leaves out the items whose question another table has."""
        if self.without is None or "on" in self.without:
            return
        theirs = {question_id(item, form) for item in self.without["source"].items}
        kept: list[Item] = []
        for item in self.items:
            if question_id(item, form) not in theirs:
                kept.append(item)
        self._taken_out += len(self.items) - len(kept)
        self.items = kept

    def _key(self, number: int, row: Mapping[str, Any], column: str, bad: Bad) -> str | None:
        try:
            return text_of(at(row, column))
        except KeyError:
            reason = f"has no column '{column}'"
        except ValueError as error:
            reason = f"has {error} in column '{column}'"
        self._tell(RowFault(line=number, reason=reason, help=REMEDY, unit=self.unit), bad)
        return None

    def _text(self, row: Mapping[str, Any], column: str) -> str:
        try:
            return text_of(at(row, column))
        except (KeyError, ValueError) as error:
            message = f"{self.place}: a row has no text in column '{column}' ({error})"
            raise StageError(message, help="name a column that every row has") from error

    @staticmethod
    def _tell(fault: RowFault, bad: Bad) -> None:
        if bad is None:
            raise fault
        bad.append(fault)
