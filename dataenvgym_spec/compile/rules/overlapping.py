"""Splits of the same table are kept apart by the same column, and no split reads another's rows."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.compile.rules.supply import Supply, comparisons, supply
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.places import named
from dataenvgym_spec.resolve.arms import Arm


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Two splits of the same rows that are told apart by different columns, or that are joined.

    A row may be drawn into both, or its answer shown by the other.
    """
    first: dict[str, tuple[str, str]] = {}
    for role, source in _sources(arm).items():
        columns = source.columns
        if "input" not in columns:
            continue
        column = columns.get("cluster", columns["input"]).name
        if source.reading.layout is not None:
            column = f"{column} of the layout {source.reading.layout}"
        other, theirs = first.setdefault(source.table(), (role, column))
        if column != theirs:
            message = (
                f"'{other}' and '{role}' may overlap: they draw from the same rows, "
                f"one by the column '{theirs}', the other by '{column}'"
            )
            node = arm.node.at(("task", "splits", role, "from"))
            yield node.fault("E202", message, "let both draw from one source")
    yield from _joined(arm)


def _joined(arm: Arm) -> Iterator[Diagnostic]:
    """Splits whose rows are joined with rows that another split, or a probe, draws."""
    sources = _sources(arm)
    tables = {source.table(): f"'{role}'" for role, source in reversed(sources.items())}
    for name, probe in arm.experiment.task.splits.probes.items():
        drawn = supply(arm, probe.from_)
        if drawn is not None:
            tables.setdefault(drawn.table(), f"the probe '{name}'")
    for role, source in sources.items():
        for other in _joins(arm, source):
            holder = tables.get(other.table())
            if holder is not None and other.table() != source.table():
                message = f"'{role}' would have rows of '{other.name}', which {holder} draws from"
                help = "join a table that no split draws from"
                option = () if source.joined is None else source.joined.option
                yield arm.node.at((*source.place, *option)).fault("E202", message, help)


def _joins(arm: Arm, source: Supply) -> list[Supply]:
    """The sources whose rows are joined with those of a source, at any distance."""
    found: dict[str, Supply] = {}
    ahead = [source]
    while ahead:
        one = ahead.pop()
        for comparison in comparisons(one):
            is_join = one.joined is not None and one.joined.option == comparison.option
            other = supply(arm, comparison.source)
            # A source that is made of itself is told elsewhere.
            if is_join and other is not None and other.name not in found:
                found[other.name] = other
                ahead.append(other)
    return list(found.values())


def _sources(arm: Arm) -> dict[str, Supply]:
    """The sources of splits that draw their own items, by role, as far as they can be read."""
    found = {}
    for role, split in arm.experiment.task.splits.drawn().items():
        source = supply(arm, split.from_)
        if source is not None and split.same_as is None and not _file_is_missing(source):
            found[role] = source
    return found


def _file_is_missing(source: Supply) -> bool:
    """Whether a file could not be read, which is an error of its own."""
    contents = [value for path in source.declared.files for _, value in named(source.options, path)]
    return "" in contents
