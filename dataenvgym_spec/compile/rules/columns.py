"""The columns that a source or an engine names are in its file, and hold what they have to.

That is texts and numbers, and objects in one of metadata.
"""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.compile.rules.supply import Column, Supply, of_engine, supply
from dataenvgym_spec.core.errors import Diagnostic, suggest
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.records.rows import OBJECT
from dataenvgym_spec.records.tables import REMEDY
from dataenvgym_spec.resolve.arms import Arm
from dataenvgym_spec.resolve.columns import ColumnTable


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Columns that rows do not have, values that are no texts, and lines that are no rows."""
    sources = [supply(arm, name) for name in arm.experiment.task.sources]
    for source in (*sources, of_engine(arm)):
        if source is None or source.file is None or not source.columns:
            continue
        table, fault, path = source.file.table, source.file.fault, source.file.path
        if fault is not None:
            (option,) = source.declared.files
            node = arm.node.at((*source.place, *option))
            yield node.fault("E203", fault.text(f"'{path}'"), fault.help)
        elif table is not None:
            yield from _missing(arm, source, table, path)
            yield from _odd(arm, source, table, path)


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
        yield _at(arm, source, column).fault("E201", message, help)


def _odd(arm: Arm, source: Supply, table: ColumnTable, path: str) -> Iterator[Diagnostic]:
    """Values that would have to be guessed, of which the first of a column is reported."""
    for held, column in source.columns.items():
        if held == "metadata":
            yield from _no_object(arm, source, column, table, path)
            continue
        odd = table.odd.get(column.name)
        if odd is None:
            continue
        help = REMEDY
        if odd.answers and held == "target":
            if _takes_several(arm):
                continue
            help = "name a scorer that takes several answers, or leave one in each row"
        message = f"'{path}': line {odd.line} has {odd.what} in column '{column.name}'"
        yield _at(arm, source, column).fault("E203", message, help)


def _no_object(
    arm: Arm, source: Supply, column: Column, table: ColumnTable, path: str
) -> Iterator[Diagnostic]:
    line = table.flat.get(column.name)
    if line is not None:
        message = f"'{path}': line {line} has no object in column '{column.name}'"
        yield _at(arm, source, column).fault("E203", message, OBJECT)


def _at(arm: Arm, source: Supply, column: Column) -> Node:
    return arm.node.at((*source.place, *column.option))


def _takes_several(arm: Arm) -> bool:
    """Whether the scorer is declared to accept any of several answers."""
    return definition("scorer", arm.experiment.task.score["kind"]).several
