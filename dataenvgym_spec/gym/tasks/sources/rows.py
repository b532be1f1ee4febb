"""Items from the rows of a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dataenvgym_spec.core.errors import StageError, suggest
from dataenvgym_spec.records.items import Item, item_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column holds what."""

    fields: dict[str, str]

    def items(self, rows: Iterable[dict[str, Any]]) -> list[Item]:
        """One item per distinct question, in the order of the rows.

        Raises:
            StageError: a row lacks a column that the spec names.
        """
        found: dict[str, Item] = {}
        for number, row in enumerate(rows, 1):
            missing = [name for name in self.fields.values() if name not in row]
            if missing:
                raise StageError(
                    f"row {number} has no column '{missing[0]}'",
                    help=suggest(missing[0], map(str, row)),
                )
            text = str(row[self.fields["input"]])
            identity = item_id(text)
            group = str(row[self.fields["group"]]) if "group" in self.fields else "all"
            cluster = str(row[self.fields["cluster"]]) if "cluster" in self.fields else identity
            found.setdefault(
                identity,
                Item(
                    id=identity,
                    input=text,
                    target=str(row[self.fields["target"]]),
                    group=group,
                    cluster=cluster,
                ),
            )
        return list(found.values())
