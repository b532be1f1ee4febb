"""Items from the rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from dataenvgym_spec.core.errors import suggest
from dataenvgym_spec.records.files import Row
from dataenvgym_spec.records.formats import Bad
from dataenvgym_spec.records.items import (
    WORDS,
    Form,
    Item,
    item_id,
    joined,
    question_id,
    told_apart,
)
from dataenvgym_spec.records.layouts import turns_of
from dataenvgym_spec.records.tables import REMEDY, RowFault, at, object_of, text_of, texts_of
from dataenvgym_spec.records.turns import Turn

T = TypeVar("T", str, tuple[str, ...], tuple[Turn, ...], dict[str, Any])


REPEATED: Final = "repeated rows"
"""What rows are called that say the same as an earlier one."""
BAD: Final = "rows that cannot be used"
"""What rows are called that are left out because something is wrong with them."""
TURNS: Final = "each row needs a list of turns there, of 'role' and 'content': correct the row"
"""What to do where what was said before a question is no conversation."""
OBJECT: Final = "each row needs an object there: correct the row or leave it out"
"""What to do where a row's metadata is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column holds which field of an item: input, target, and maybe others.

    Those are group, cluster, metadata and before.

    One reading serves the stage that draws and whoever asks before how much can be drawn. `form` is
    what of a question does not count, as the kind of the task declares. `unit` is what is numbered
    of rows, `optional` the fields whose column a row may go without, and `slices` the columns that
    the report tells items apart by.
    """

    fields: Mapping[str, str]
    form: Form = WORDS
    unit: str = "line"
    optional: frozenset[str] = frozenset()
    slices: Mapping[str, str] = field(default_factory=dict)

    def items(
        self, rows: Iterable[tuple[int, Row]], bad: Bad = None
    ) -> tuple[list[Item], dict[str, int]]:
        """One item per distinct question and target, in the order of the rows.

        Args:
            rows: each with its number.
            bad: collects what is wrong with rows, which are left out then.

        Returns:
            The items, and how many rows were skipped, by reason.

        Raises:
            RowFault: a row does not hold what the spec says it does.
        """
        read = list(self._read_all(rows, bad))
        items = told_apart(joined(read))
        skipped = {REPEATED: len(read) - len(items), BAD: len(bad or ())}
        return items, {reason: count for reason, count in skipped.items() if count}

    def _read_all(self, rows: Iterable[tuple[int, Row]], bad: Bad) -> Iterator[Item]:
        for number, row in rows:
            try:
                item = self._item(number, row)
            except RowFault as fault:
                if bad is None:
                    raise
                bad.append(fault)
            else:
                yield item

    def _item(self, number: int, row: Row) -> Item:
        question = self._text(number, row, "input")
        answers = self._answers(number, row)
        before = self._before(number, row)
        identity = item_id(question, form=self.form)
        if before:
            whole = Item(id="", input=question, target="", group="", cluster="", before=before)
            identity = question_id(whole, self.form)
        group = self._text(number, row, "group") if "group" in self.fields else "all"
        cluster = self._text(number, row, "cluster") if "cluster" in self.fields else identity
        return Item(
            id=identity,
            input=question,
            target=answers[0],
            group=group,
            cluster=cluster,
            # A row with one answer says it in `target`.
            verifier={"answers": list(answers)} if len(answers) > 1 else {},
            metadata=self._metadata(number, row),
            before=before,
            slices=self._slices(number, row),
        )

    def _slices(self, number: int, row: Row) -> dict[str, str] | None:
        found = {}
        for name, column in self.slices.items():
            found[name] = self._at(number, row, column, text_of)
        return found or None

    def _before(self, number: int, row: Row) -> tuple[Turn, ...]:
        """What was said before the question."""
        column = self.fields.get("before")
        if column is None or ("before" in self.optional and column not in row):
            return ()
        return self._read(number, row, "before", turns_of, TURNS)

    def _metadata(self, number: int, row: Row) -> dict[str, Any]:
        if "metadata" not in self.fields:
            return {}
        return self._read(number, row, "metadata", object_of, OBJECT)

    def _text(self, number: int, row: Row, field: str) -> str:
        return self._read(number, row, field, text_of)

    def _answers(self, number: int, row: Row) -> tuple[str, ...]:
        answers = self._read(number, row, "target", texts_of)
        return tuple(dict.fromkeys(answers))

    def _read(
        self, number: int, row: Row, field: str, read: Callable[[Any], T], remedy: str = REMEDY
    ) -> T:
        return self._at(number, row, self.fields[field], read, remedy)

    def _at(
        self, number: int, row: Row, column: str, read: Callable[[Any], T], remedy: str = REMEDY
    ) -> T:
        try:
            return read(at(row, column))
        except KeyError:
            reason, help = f"has no column '{column}'", suggest(column, map(str, row))
        except ValueError as error:
            reason, help = f"has {error} in column '{column}'", remedy
        raise RowFault(line=number, reason=reason, help=help, unit=self.unit)
