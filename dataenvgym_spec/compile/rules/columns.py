"""The columns that a source or an engine names are in its file, and hold what they have to.

That is texts and numbers, and objects in one of metadata.
"""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.compile.rules.supply import (
    Column,
    Supply,
    comparisons,
    of_engine,
    supply,
)
from dataenvgym_spec.core.errors import Diagnostic, suggest
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.records.rows import OBJECT
from dataenvgym_spec.records.tables import REMEDY, in_lists
from dataenvgym_spec.resolve.arms import Arm
from dataenvgym_spec.resolve.columns import ColumnTable


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Columns that rows do not have, values that are no texts, and lines that are no rows."""
    sources = [supply(arm, name) for name in arm.experiment.task.sources]
    for source in (*sources, of_engine(arm)):
        if source is not None:
            yield from _of_file(arm, source)
            yield from _joined(arm, source)
    yield from _unnamed(arm)


def _of_file(arm: Arm, source: Supply) -> Iterator[Diagnostic]:
    if source.file is None or not source.declared.marked("x-column"):
        return
    table, fault, path = source.file.table, source.file.fault, source.file.path
    if fault is not None:
        (option,) = source.declared.files
        node = arm.node.at((*source.place, *option))
        yield node.fault("E203", fault.text(f"'{path}'"), fault.help)
    elif table is not None:
        yield from _missing(arm, source, table, path)
        yield from _odd(arm, source, table, path)


def _unnamed(arm: Arm) -> Iterator[Diagnostic]:
    """Sources that a split draws from, or another compares by, with no column of questions."""
    splits = arm.experiment.task.splits.drawn()
    drawn_from = dict.fromkeys(split.from_ for split in splits.values())
    probes = arm.experiment.task.splits.probes.values()
    drawn_from |= dict.fromkeys(probe.from_ for probe in probes)
    shots = [prompt.few_shot for _, prompt in arm.experiment.prompts()]
    drawn_from |= dict.fromkeys(shown.from_ for shown in shots if shown is not None)
    for name in arm.experiment.task.sources:
        comparing = supply(arm, name)
        for comparison in () if comparing is None else comparisons(comparing):
            # Items are compared by what they ask where no column is named.
            if comparison.own is None:
                drawn_from[comparison.source] = None
    for name in drawn_from:
        source = supply(arm, name)
        if source is None:
            continue
        lacking = [held for held in ("input", "target") if _unset(source, held)]
        if lacking:
            listed = " and ".join(f"'{held}'" for held in lacking)
            message = f"the source '{name}' does not say which column holds {listed}"
            help = "name it under 'fields'"
            if source.declared.marked("x-layout"):
                help += ", or name the layout of its rows"
            yield arm.node.at(source.place).fault("E104", message, help)


def _unset(source: Supply, held: str) -> bool:
    """Whether no option says in which column something is."""
    return source.column_option(held) is not None and held not in source.columns


def _joined(arm: Arm, source: Supply) -> Iterator[Diagnostic]:
    """Columns by which rows are compared, and joined ones, that a table does not have."""
    for comparison in comparisons(source):
        own, theirs = comparison.own, comparison.theirs
        if own is None or theirs is None:
            continue
        yield from _lacks(arm, source, own, source)
        yield from _lacks(arm, source, theirs, supply(arm, comparison.source))
    if source.joined is None:
        return
    for held, column in source.columns.items():
        name = source.joined.column(column.name)
        if name is not None:
            theirs = Column(option=column.option, name=name)
            yield from _lacks(arm, source, theirs, source.joined.source, held)


def _lacks(
    arm: Arm, source: Supply, column: Column, table_of: Supply | None, held: str = ""
) -> Iterator[Diagnostic]:
    """That a table, of this source or of one that it names, does not have a column."""
    if table_of is None or table_of.file is None or table_of.file.table is None:
        return
    table, path = table_of.file.table, table_of.file.path
    if in_lists(column.name) or held == "before":
        return
    if column.name not in {*table.columns, *table.others}:
        message = f"no row of '{path}' has a column '{column.name}'"
        help = suggest(column.name, table.columns) if table.columns else "name another file"
        yield _at(arm, source, column).fault("E201", message, help)


def _missing(arm: Arm, source: Supply, table: ColumnTable, path: str) -> Iterator[Diagnostic]:
    named = [*source.columns.items(), *(("slices", one) for one in source.slices)]
    for held, column in named:
        is_optional = held == "before" and source.reading.layout is not None
        if column.name in table.columns or is_optional or _is_joined(source, column):
            continue
        if column.name in table.others:
            if source.reading.skips:
                continue
            message = f"only some rows of '{path}' have a column '{column.name}'"
        else:
            message = f"no row of '{path}' has a column '{column.name}'"
        help = "name a file whose rows have it"
        if table.columns:
            help = suggest(column.name, table.columns)
        yield _at(arm, source, column).fault("E201", message, help)


def _is_joined(source: Supply, column: Column) -> bool:
    return source.joined is not None and source.joined.column(column.name) is not None


def _odd(arm: Arm, source: Supply, table: ColumnTable, path: str) -> Iterator[Diagnostic]:
    """Values that would have to be guessed, of which the first of a column is reported."""
    for held, column in source.columns.items():
        if source.reading.skips or held == "before":
            continue
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
        where = f"{table.unit} {odd.line}"
        message = f"'{path}': {where} has {odd.what} in column '{column.name}'"
        yield _at(arm, source, column).fault("E203", message, help)


def _no_object(
    arm: Arm, source: Supply, column: Column, table: ColumnTable, path: str
) -> Iterator[Diagnostic]:
    line = table.flat.get(column.name)
    if line is not None:
        message = f"'{path}': {table.unit} {line} has no object in column '{column.name}'"
        yield _at(arm, source, column).fault("E203", message, OBJECT)


def _at(arm: Arm, source: Supply, column: Column) -> Node:
    return arm.node.at((*source.place, *column.option))


def _takes_several(arm: Arm) -> bool:
    """Whether the scorer is declared to accept any of several answers."""
    return definition("scorer", arm.experiment.task.score["kind"]).several
