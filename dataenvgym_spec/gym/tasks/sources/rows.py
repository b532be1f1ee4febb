"""Items from the rows of a table, for sources that list what they have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from dataenvgym_spec.core.errors import StageError, suggest
from dataenvgym_spec.records.files import Row
from dataenvgym_spec.records.items import Item, item_id, told_apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column holds which field of an item: input, target, and maybe group and cluster."""

    fields: Mapping[str, str]

    def items(self, rows: Iterable[Row]) -> list[Item]:
        """One item per distinct question and target, in the order of the rows.

        Raises:
            StageError: a row has no column that the spec names.
        """
        items = []
        for number, row in enumerate(rows, 1):
            self._check(number, row)
            items.append(self._item(row))
        return told_apart(items)

    def _check(self, number: int, row: Row) -> None:
        for column in self.fields.values():
            if column not in row:
                raise StageError(
                    f"row {number} has no column '{column}'", help=suggest(column, map(str, row))
                )

    def _item(self, row: Row) -> Item:
        question = self._value(row, "input", "")
        identity = item_id(question)
        return Item(
            id=identity,
            input=question,
            target=self._value(row, "target", ""),
            group=self._value(row, "group", "all"),
            cluster=self._value(row, "cluster", identity),
        )

    def _value(self, row: Row, field: str, default: str) -> str:
        if field not in self.fields:
            return default
        return str(row[self.fields[field]])


class Listed:
    """A finite source: what it has is in `items`."""

    procedural = False
    items: list[Item]

    def groups(self) -> list[str]:
        """The values of the group column."""
        return sorted({item.group for item in self.items})

    def stream(self, group: str, seed: int) -> Iterator[Item]:
        """The items of one group, each once."""
        return (item for item in self.items if item.group == group)
