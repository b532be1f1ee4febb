"""Splits of the same rows are kept apart by the same column."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.compile.rules.supply import Supply, supply
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.places import named
from dataenvgym_spec.resolve.arms import Arm


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Two splits of the same rows that are told apart by different columns.

    A row may be drawn into both.
    """
    first: dict[str, tuple[str, str]] = {}
    for role, split in arm.experiment.task.splits.drawn().items():
        source = supply(arm, split.from_)
        if source is None or split.same_as is not None or _file_is_missing(source):
            continue
        columns = source.columns
        if "input" not in columns:
            continue
        column = columns.get("cluster", columns["input"]).name
        other, theirs = first.setdefault(source.rows(), (role, column))
        if column != theirs:
            message = (
                f"'{other}' and '{role}' may overlap: they draw from the same rows, "
                f"one by the column '{theirs}', the other by '{column}'"
            )
            node = arm.node.at(("task", "splits", role, "from"))
            yield node.fault("E202", message, "let both draw from one source")


def _file_is_missing(source: Supply) -> bool:
    """Whether a file could not be read, which is an error of its own."""
    contents = [value for path in source.declared.files for _, value in named(source.options, path)]
    return "" in contents
