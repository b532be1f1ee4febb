"""The columns that a source names are in its file."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.compile.rules.supply import Supply, supply
from dataenvgym_spec.core.errors import Diagnostic, suggest
from dataenvgym_spec.resolve.arms import Arm
from dataenvgym_spec.resolve.columns import ColumnTable


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Columns that rows do not have, and lines that are no rows."""
    for name in arm.experiment.task.sources:
        source = supply(arm, name)
        if source is None or source.file is None or source.file.table is None or not source.columns:
            continue
        table, path = source.file.table, source.file.path
        if table.wrong:
            message = f"line {table.wrong} of '{path}' is no JSON object"
            (option,) = source.declared.files
            node = arm.node.at((*source.place, *option))
            yield node.fault("E203", message, "write one JSON object per line")
        else:
            yield from _missing(arm, source, table, path)


def _missing(arm: Arm, source: Supply, table: ColumnTable, path: str) -> Iterator[Diagnostic]:
    for column in source.columns.values():
        if column.name in table.columns:
            continue
        if column.name in table.others:
            message = f"only some rows of '{path}' have a column '{column.name}'"
        else:
            message = f"no row of '{path}' has a column '{column.name}'"
        help = "name a file whose rows have it"
        if table.columns:
            help = suggest(column.name, table.columns)
        yield arm.node.at((*source.place, *column.option)).fault("E201", message, help)
