"""A difference between two specs as lines for people, and as a record for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from dataenvgym_spec.cli.common import plural, sums_of
from dataenvgym_spec.core.shown import NOTHING, shown, shown_apart, told_apart
from dataenvgym_spec.language.source import Json
from dataenvgym_spec.questions.diff import Difference, StageChange
from dataenvgym_spec.questions.listed import Row, RowChange, are_rows, row_changes
from dataenvgym_spec.questions.values import SideValue, ValueChange
from dataenvgym_spec.resolve.merge import show_path

EFFECTS: Final = ("changed", "added", "removed")
LONGEST: Final = 70
"""Characters of a value."""
LONGEST_ROW: Final = 200
"""Characters of what names a record of a list."""


def lines(item: Difference, old: str, new: str, *, several: bool) -> list[str]:
    """One experiment in words.

    Args:
        item: how it differs.
        old: what comes before paths of the old side: a revision.
        new: the same of the new side.
        several: whether other experiments are shown too, so that each needs its name.
    """
    if item.new is None:
        return [f"{item.old}: the experiment is gone, with {plural(item.total, 'stage')}"]
    if item.old is None:
        return [f"{item.new}: the experiment is new, with {plural(item.total, 'stage')}"]
    shown = [f"{item.new}:"] if several else []
    if item.equal:
        shown.append(f"same meaning: all {plural(item.total, 'stage')} are the same")
        return shown
    for change in item.changes:
        shown += _change_lines(change, item, old, new)
    shown += [f"arm '{name}' is new" for name in item.added]
    shown += [f"arm '{name}' is gone" for name in item.removed]
    return [*shown, *_stage_lines(item)]


def _change_lines(change: ValueChange, item: Difference, old: str, new: str) -> list[str]:
    rows = [f"  {row}" for row in _rows(change)]
    head = f"{show_path(change.path)}: "
    head += f"{plural(len(rows), 'difference')}:" if rows else _ends(change.old, change.new)
    if item.common and len(change.arms) != len(item.common):
        head += f"  (arm {', '.join(change.arms)})"
    if not change.keyed:
        head += "  (no stage depends on it)"
    here, there = _place(change.old, old), _place(change.new, new)
    return [head, *rows, f"  {here} -> {there}"]


def _ends(old: SideValue, new: SideValue) -> str:
    """Two values on one line."""
    values = [NOTHING if side.absent else side.value for side in (old, new)]
    return " -> ".join(shown_apart(values, LONGEST))


def _rows(change: ValueChange) -> list[str]:
    """The records in which two lists differ, a line each; none of what is no list of records."""
    old, new = ([] if side.absent else side.value for side in (change.old, change.new))
    if not (are_rows(old) and are_rows(new)):
        return []
    rows = list(row_changes(old, new))
    names = told_apart([_said(_common(row)) for row in rows], LONGEST_ROW)
    return [_row(row, name) for row, name in zip(rows, names, strict=True)]


def _common(change: RowChange) -> Row:
    """What a record says on both sides; all of one that only one side has."""
    if change.old is None or change.new is None:
        return change.new or change.old or {}
    return {name: value for name, value in change.old.items() if name not in change.names}


def _row(change: RowChange, name: str) -> str:
    if change.old is None or change.new is None:
        return f"{'new' if change.old is None else 'gone'}: {name}"
    ends = []
    for key in change.names:
        values = [row.get(key, NOTHING) for row in (change.old, change.new)]
        ends.append(f"{key} {' -> '.join(shown_apart(values, LONGEST))}")
    return f"{name}: {', '.join(ends)}"


def _said(row: Row) -> str:
    return ", ".join(f"{name} {shown(value)}" for name, value in row.items())


def _place(value: SideValue, prefix: str) -> str:
    if value.span is not None:
        return f"{prefix}{value.span.file}:{value.span.line}"
    return "not set" if value.absent else "default"


def _stage_lines(item: Difference) -> list[str]:
    if not item.stages:
        return [f"all {plural(item.total, 'stage')} are the same"]
    counts: Counter[str] = Counter()
    for change in item.stages:
        counts[change.effect] += change.count
    sums = sums_of(counts, EFFECTS)
    shown = [f"{item.same} of {plural(item.total, 'stage')} are the same; {sums}:"]
    for change in item.stages:
        shown.append(f"  {_stage_text(change, item)}")
    return shown


def _stage_text(change: StageChange, item: Difference) -> str:
    where = _iterations([number for number in change.iterations if number is not None])
    text = f"{change.count:4} {change.kind:9} {change.effect}{where}"
    if set(change.arms) >= {*item.common, *item.added}:
        return text
    word = "arm" if len(change.arms) == 1 else "arms"
    return f"{text}, {word} {', '.join(change.arms)}"


def _iterations(numbers: Sequence[int]) -> str:
    """Iterations in words, runs of them as ranges; 0 is the base student, before the loop."""
    words = ["the base"] if 0 in numbers else []
    ranges = _ranges([number for number in numbers if number])
    if len(ranges) == 1 and "-" not in ranges[0]:
        words.append(f"iteration {ranges[0]}")
    elif ranges:
        words.append(f"iterations {', '.join(ranges)}")
    return f", {' and '.join(words)}" if words else ""


def _ranges(numbers: Sequence[int]) -> list[str]:
    """Numbers in order, runs of them as one.

    >>> _ranges([1, 2, 3, 5])
    ['1-3', '5']
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return [_range(run[0], run[-1]) for run in runs]


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


# --- for programs -----------------------------------------------------------------------------


def record(item: Difference, old: str, new: str) -> dict[str, Any]:
    """One experiment for programs; the arguments are those of `lines`."""
    changes = [asdict(change) for change in item.stages]
    stages = {"same": item.same, "total": item.total, "changes": changes}
    return {
        "old": item.old,
        "new": item.new,
        "same": item.equal,
        "values": [_change_record(change, old, new) for change in item.changes],
        "arms": {"added": item.added, "removed": item.removed},
        "stages": stages,
    }


def _change_record(change: ValueChange, old: str, new: str) -> dict[str, Any]:
    return {
        "path": show_path(change.path),
        "old": _value_record(change.old, old),
        "new": _value_record(change.new, new),
        "arms": change.arms,
        "keyed": change.keyed,
    }


def _value_record(value: SideValue, prefix: str) -> dict[str, Json]:
    span = value.span
    content: dict[str, Json] = {
        "value": value.value,
        "set": not value.absent and span is not None,
        "absent": value.absent,
    }
    if span:
        content |= {"file": prefix + span.file, "line": span.line, "column": span.column}
    return content
