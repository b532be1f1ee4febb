"""What data has to be made up for a source: which rows or files, and how many. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.execute.rehearsal.made_up import LAYOUTS, PLAIN
from dataenvgym_spec.execute.rehearsal.sizes import ITEMS, POOL, WHOLE
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.declared import Definition
from dataenvgym_spec.language.options import at
from dataenvgym_spec.resolve.arms import Arm
from dataenvgym_spec.resolve.lanes import DEFAULT_SHARES, owners

WHOLE_ROWS: Final = 12
"""Rows that are made up for a split that is a whole source."""
SPACING: Final = 1_000_000
"""Between the numbers of rows of two sources, which so have nothing in common."""
JOINED: Final = "join."
"""What the name of a column begins with that another source has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRows:
    """A table that stands in for one that is not here.

    Attributes:
        slot_kind: the kind of the source.
        name: of the source in the spec.
        options: of the source.
        columns: roles by column; see `made_up.rows`.
        first: the number of the first row that is made up.
        form: of an answer.
        count: how many rows are made up.
    """

    slot_kind: str
    name: str
    options: Mapping[str, Any] = field(hash=False)
    columns: Mapping[str, str] = field(hash=False)
    first: int
    form: str
    count: int

    @property
    def identity(self) -> str:
        """What is the same of two that one table can stand in for."""
        parts = [self.slot_kind, self.name, self.options, self.columns, self.first, self.form]
        return canonical(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFiles:
    """Files in a source's own format that stand in for those that are not here.

    Attributes:
        name: of the source in the spec.
        said: what each holds, by the option that names it; see `made_files`.
        first: the number of the first row that is made up.
        form: of an answer.
        count: how many rows are made up.
    """

    name: str
    said: Mapping[str, Any] = field(hash=False)
    first: int
    form: str
    count: int

    @property
    def identity(self) -> str:
        """What is the same of two that the same files can stand in for."""
        return canonical([self.name, self.said, self.first, self.form])


def wanted_rows(arm: Arm, name: str, item: Definition, options: Mapping[str, Any]) -> WantedRows:
    """The rows that a source without its file, or on the hub, needs in its place."""
    return WantedRows(
        slot_kind=item.kind,
        name=name,
        options=dict(options),
        columns=_columns(arm, name),
        first=_first(arm, name),
        form=form_of(arm),
        count=_count(arm, name),
    )


def wanted_files(arm: Arm, name: str, item: Definition, options: Mapping[str, Any]) -> WantedFiles:
    """The files that a source with a format of its own needs in place of those that it names."""
    said = item.rehearsal["files"]
    return WantedFiles(
        name=name,
        said={option: made for option, made in said.items() if options.get(option) is not None},
        first=_first(arm, name),
        form=form_of(arm),
        count=_count(arm, name),
    )


def form_of(arm: Arm) -> str:
    """The form of an answer that the task's scorer can read."""
    form: str = definition("scorer", arm.experiment.task.score["kind"]).rehearsal.get(
        "target", PLAIN
    )
    return form


def _first(arm: Arm, name: str) -> int:
    order = sorted(arm.experiment.task.sources)
    return SPACING * order.index(_leader(arm, name))


def _leader(arm: Arm, name: str) -> str:
    """The source whose rows those of a source fit to: one that joins it, or itself."""
    for other, options in sorted(arm.experiment.task.sources.items()):
        if _other(options, "x-join").get("source") == name and other != name:
            return other
    return name


def _other(options: Mapping[str, Any], mark: str) -> Mapping[str, Any]:
    """What a source says of another that it joins, or takes out."""
    item = definition("source", options["kind"])
    for path in item.marked(mark):
        said = at(options, path)
        if isinstance(said, Mapping):
            return said
    return {}


def _columns(arm: Arm, name: str) -> dict[str, str]:
    """The columns that a spec names of a source, by role: its own, and those that others join."""
    sources = arm.experiment.task.sources
    columns: dict[str, str] = {}
    for holder, options in sources.items():
        item = definition("source", options["kind"])
        partner = _other(options, "x-join").get("source")
        for path, role in item.marked("x-column").items():
            column = at(options, path)
            if not isinstance(column, str):
                continue
            joined = column.startswith(JOINED)
            if holder == name and not joined:
                columns[column] = role
            if partner == name and joined:
                columns[column.removeprefix(JOINED)] = role
        for path in item.marked("x-layout"):
            layout = at(options, path)
            if holder == name and isinstance(layout, str):
                columns |= LAYOUTS.get(layout, {})
    for holder, options in sources.items():
        for partner, own, other in _matched(options):
            if holder == name and own:
                columns.setdefault(own, "key")
            if partner == name and other:
                columns.setdefault(other, "key")
    return columns


def _matched(options: Mapping[str, Any]) -> Iterator[tuple[Any, Any, Any]]:
    """The sources that one is compared with, each with the columns of both (`x-match`)."""
    item = definition("source", options["kind"])
    for mark in ("x-join", "x-without"):
        for place in item.marked(mark):
            columns = {}
            for path, whose in item.marked("x-match").items():
                if path[: len(place)] == place:
                    columns[whose] = at(options, path)
            own = columns.get("own")
            yield _other(options, mark).get("source"), own, columns.get("other") or own


def _count(arm: Arm, name: str) -> int:
    """Rows so that every split finds its items in its share of the hash space."""
    owned = owners(arm)
    rounds = arm.experiment.loop.rounds
    times = rounds if isinstance(rounds, int) else 1
    wanted = 0.0
    for role, split in arm.experiment.task.splits.drawn().items():
        if split.same_as is None and split.from_ == _leader(arm, name):
            rows = WHOLE_ROWS if role in owned else _drawn_from(role, split, times)
            wanted = max(wanted, rows)
    return int(wanted) or WHOLE_ROWS


def _drawn_from(role: str, split: Any, rounds: int) -> float:
    """Rows so that a split finds its items in a part of the hash space; twice as many, and more."""
    share = split.share or DEFAULT_SHARES[role]
    if isinstance(split.draw, str):
        # What is left is a pool's; of another split it becomes a number of items.
        return 0 if role == "pool" else 2 * WHOLE / share
    if role == "pool" and split.draw.items is not None:
        return 2 * POOL * rounds / share
    return 3 * (2 * ITEMS[role] + 6) / share
