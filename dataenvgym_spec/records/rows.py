"""Items from the rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from dataenvgym_spec.core.errors import suggest
from dataenvgym_spec.records.files import Row
from dataenvgym_spec.records.items import WORDS, Form, Item, item_id, joined, told_apart
from dataenvgym_spec.records.tables import REMEDY, RowFault, at, object_of, text_of, texts_of

T = TypeVar("T", str, tuple[str, ...], dict[str, Any])


REPEATED: Final = "repeated rows"
"""What rows are called that say the same as an earlier one."""
OBJECT: Final = "each row needs an object there: correct the row or leave it out"
"""What to do where a row's metadata is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column holds which field of an item: input, target, and maybe others.

    Those are group, cluster and metadata.

    One reading serves the stage that draws and whoever asks before how much can be drawn. `form` is
    what of a question does not count, as the kind of the task declares.
    """

    fields: Mapping[str, str]
    form: Form = WORDS

    def items(self, rows: Iterable[tuple[int, Row]]) -> tuple[list[Item], dict[str, int]]:
        """One item per distinct question and target, in the order of the rows.

        Args:
            rows: each with its number.

        Returns:
            The items, and how many rows were skipped, by reason.

        Raises:
            RowFault: a row does not hold what the spec says it does.
        """
        read = [self._item(number, row) for number, row in rows]
        items = told_apart(joined(read))
        repeated = len(read) - len(items)
        return items, {REPEATED: repeated} if repeated else {}

    def _item(self, number: int, row: Row) -> Item:
        question = self._text(number, row, "input")
        answers = self._answers(number, row)
        identity = item_id(question, form=self.form)
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
        )

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
        column = self.fields[field]
        try:
            return read(at(row, column))
        except KeyError:
            reason, help = f"has no column '{column}'", suggest(column, map(str, row))
        except ValueError as error:
            reason, help = f"has {error} in column '{column}'", remedy
        raise RowFault(line=number, reason=reason, help=help)
