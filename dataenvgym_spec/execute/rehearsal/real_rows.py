"""A handful of the real rows of a data set, where the hub can be reached."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.execute.rehearsal.hub import HubAccess
from dataenvgym_spec.execute.rehearsal.made_up import GROUPS
from dataenvgym_spec.execute.rehearsal.wanted import WantedRows
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.gym.make import make
from dataenvgym_spec.gym.tasks.sources.table import Table
from dataenvgym_spec.language.declared import Definition
from dataenvgym_spec.records.tables import at, text_of

Row = Mapping[str, Any]
WAYS: Final = ("x-column", "x-layout", "x-slices", "x-join", "x-without")
"""Marks of options that say how rows are read, not which they are."""


def real_rows(wanted: WantedRows, item: Definition, hub: HubAccess) -> list[Row] | None:
    """Rows of the data set itself; None where they cannot be had, or are of no use.

    Args:
        wanted: what stands in for them else.
        item: the definition of the source.
        hub: as it is reached.
    """
    (revision,) = item.marked("x-revision") or ((),)
    if not revision or "key" in wanted.columns.values():
        return None  # rows of two sources that are compared would not fit together
    name = str(wanted.options["id"])
    if not hub.gives_data(name, str(wanted.options[revision[0]])):
        return None
    ways = {option[0] for mark in WAYS for option in item.marked(mark)}
    options = {key: value for key, value in wanted.options.items() if key not in ways}
    try:
        source = make(Component.bind("source", options, lambda _slot, _name: {}))
        assert isinstance(source, Table)
        return handful(source.rows(), wanted.columns, wanted.count)
    except UserError as error:
        hub.refused[name] = error.message
        return None


def handful(rows: Iterable[Row], columns: Mapping[str, str], count: int) -> list[Row] | None:
    """Some rows, of few groups with enough of each; None if there are not enough.

    Args:
        rows: all of them.
        columns: roles by column; see `made_up.rows`.
        count: how many are wanted.
    """
    kept = list(rows)
    groups = [column for column, role in columns.items() if role == "group"]
    each = -(-count // GROUPS)
    if groups:
        named = [text_of(at(row, groups[0])) for row in kept]
        sizes = Counter(named).most_common(GROUPS)
        chosen = [group for group, size in sizes if size >= each]
        parts = [_of(kept, named, group)[:each] for group in chosen]
        kept = [row for part in parts for row in part]
    elif len(kept) < count:
        return None
    return kept[:count] if kept and _is_plain(kept[:count]) else None


def _of(rows: Sequence[Row], named: Sequence[str], group: str) -> list[Row]:
    return [row for row, name in zip(rows, named, strict=True) if name == group]


def _is_plain(rows: Sequence[Row]) -> bool:
    """Whether they can be written as JSON; images and the like are not."""
    try:
        msgspec.json.decode(msgspec.json.encode(rows))
    except (TypeError, ValueError, OverflowError):
        return False
    return not any(isinstance(value, bytes) for row in rows for value in row.values())
