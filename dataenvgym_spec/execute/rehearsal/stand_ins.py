"""What stands in for the components of a spec, as their definitions say. Pure: makes nothing.

A model that exists is a tiny one of the same architecture, a data set a file with a handful of
rows, a language model a scripted service. What has to be made for that is gathered here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.execute.rehearsal.made_up import LAYOUTS, PLAIN
from dataenvgym_spec.execute.rehearsal.sizes import ITEMS
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.declared import Definition
from dataenvgym_spec.language.options import at
from dataenvgym_spec.resolve.arms import Arm
from dataenvgym_spec.resolve.lanes import DEFAULT_SHARES, owners

WHOLE_ROWS: Final = 12
"""Rows that are made up for a split that is a whole source."""
SPACING: Final = 1_000_000
"""Between the numbers of rows of two sources, which so have nothing in common."""
UP: Final = "../"
"""From the folder of the specs to that of the rehearsal."""
JOINED: Final = "join."
"""What the name of a column begins with that another source has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedModel:
    """A model that a tiny one stands in for.

    Attributes:
        name: its id on the hub, or the path of its directory.
        revision: on the hub; empty for a directory.
        directory: where its configuration lies, from the repository; empty where nowhere.
    """

    name: str
    revision: str = ""
    directory: str = ""


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


@dataclass(slots=True, kw_only=True)
class StandIns:
    """What has to be made, by its path in the folder of the rehearsal."""

    models: dict[WantedModel, str] = field(default_factory=dict)
    tables: dict[str, tuple[str, WantedRows]] = field(default_factory=dict)
    replaced: dict[str, None] = field(default_factory=dict)
    """What stands in for what, in words, in order."""

    def model(self, wanted: WantedModel) -> str:
        """Where the tiny model will lie that stands in for one."""
        return self.models.setdefault(wanted, f"models/{len(self.models)}")

    def table(self, wanted: WantedRows) -> str:
        """Where rows will lie that stand in for a table; as many as any arm needs."""
        path, before = self.tables.get(wanted.identity, (f"data/{len(self.tables)}.jsonl", wanted))
        larger = max(before, wanted, key=lambda one: one.count)
        self.tables[wanted.identity] = (path, larger)
        return path

    def note(self, slot: str, name: str, instead: str) -> None:
        """Keeps that something stands in for a component."""
        self.replaced.setdefault(f"{slot} {name}: {instead}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A component at its place in an arm."""

    slot: str
    path: tuple[str, ...]
    item: Definition
    options: Mapping[str, Any]


def replaceable(arm: Arm) -> Iterator[Place]:
    """The components of an arm that something stands in for, those that hold others first."""
    for slot, path, options in arm.experiment.components():
        item = definition(slot, options["kind"])
        if item.rehearsal:
            yield Place(slot=slot, path=path, item=item, options=options)


def stand_in(arm: Arm, place: Place, made: StandIns) -> dict[str, Any]:
    """The options of what stands in for a component.

    Args:
        arm: where it is.
        place: the component.
        made: gathers what has to be made.
    """
    said = place.item.rehearsal
    options = {key: value for key, value in place.options.items() if value is not None}
    kind = said.get("kind", place.item.kind)
    if "kind" in said and place.slot == "model":
        options = _model(arm, place, made)
    elif "kind" in said and place.slot == "source":
        options = _source(arm, place, made)
    elif kind != place.item.kind:
        target = definition(place.slot, kind)
        options = _shared(target, options)
        if place.slot == "teacher":
            options["model"] = _model_name(place)
        made.note(place.slot, place.item.kind, _teller(place.slot, kind))
    caps = definition(place.slot, kind).rehearsal.get("options", {})
    bounded = _bounded({**options, "kind": kind}, caps)
    return dict(bounded)


def _teller(slot: str, kind: str) -> str:
    return "a scripted service" if slot == "teacher" else f"'{kind}'"


def _bounded(options: dict[str, Any], caps: Mapping[str, Any]) -> dict[str, Any]:
    """Options with upper bounds for those that are there; what is no number is set."""
    held = dict(options)
    for name, cap in caps.items():
        value = held.get(name)
        if value is None:
            continue
        if isinstance(value, Mapping):
            bounds = cap if isinstance(cap, Mapping) else dict.fromkeys(value, cap)
            held[name] = _bounded(dict(value), bounds)
        elif isinstance(cap, bool) or not isinstance(cap, int | float):
            held[name] = cap
        else:
            held[name] = min(value, cap)
    return held


def _shared(target: Definition, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that another component has too."""
    known = target.schema["properties"]
    return {key: value for key, value in options.items() if key in known}


def _file_option(item: Definition) -> str:
    return item.files[0][0]


# --- models ---------------------------------------------------------------------------------------


def _model(arm: Arm, place: Place, made: StandIns) -> dict[str, Any]:
    wanted = wanted_model(arm, place)
    made.note("model", wanted.name, "a tiny one of its architecture")
    target = definition(place.slot, place.item.rehearsal["kind"])
    return {_file_option(target): UP + made.model(wanted)}


def wanted_model(arm: Arm, place: Place) -> WantedModel:
    """The model of a place, which is on the hub or in a directory."""
    for path in place.item.files:
        file = arm.references.get((*place.path, *path))
        named = str(arm.node.at((*place.path, *path)).value)
        there = file is not None and bool(file.path)
        shown = file.path if there and file is not None else named
        return WantedModel(name=shown, directory=shown if there else "")
    (path,) = place.item.marked("x-revision")
    name = str(at(place.options, (*path[:-1], "id")))
    return WantedModel(name=name, revision=str(at(place.options, path)))


def _model_name(place: Place) -> str:
    """What a teacher's model is called."""
    for part in place.item.parts:
        held = at(place.options, part.path)
        if isinstance(held, Mapping):
            return next(str(held[key]) for key in held if key != "kind")
    return place.item.kind


# --- sources --------------------------------------------------------------------------------------


def is_here(arm: Arm, place: Place) -> bool:
    """Whether the files of a component are in the repository."""
    references = [arm.references.get((*place.path, *path)) for path in place.item.files]
    return bool(references) and all(file is not None and file.path for file in references)


def _source(arm: Arm, place: Place, made: StandIns) -> dict[str, Any]:
    options = {key: value for key, value in place.options.items() if value is not None}
    if is_here(arm, place):
        return options
    target = definition(place.slot, place.item.rehearsal["kind"])
    rows = wanted_rows(arm, place)
    made.note("source", rows.name, "a handful of rows")
    return {**_shared(target, options), _file_option(target): UP + made.table(rows)}


def wanted_rows(arm: Arm, place: Place) -> WantedRows:
    """The rows that a source without its file, or on the hub, needs in its place."""
    name = place.path[-1]
    task = arm.experiment.task
    scorer = definition("scorer", task.score["kind"])
    order = sorted(task.sources)
    return WantedRows(
        slot_kind=place.item.kind,
        name=name,
        options=dict(place.options),
        columns=_columns(arm, name),
        first=SPACING * order.index(_leader(arm, name)),
        form=scorer.rehearsal.get("target", PLAIN),
        count=_count(arm, name),
    )


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
    splits = arm.experiment.task.splits.drawn()
    owned = owners(arm)
    wanted = 0.0
    for role, split in splits.items():
        if split.same_as is not None or split.from_ != _leader(arm, name):
            continue
        if role in owned:
            wanted = max(wanted, WHOLE_ROWS)
            continue
        if isinstance(split.draw, str):
            continue
        share = split.share or DEFAULT_SHARES[role]
        # Of a group there are on the average twice as many as are drawn, and some more.
        wanted = max(wanted, 3 * (2 * ITEMS[role] + 6) / share)
    return int(wanted) or WHOLE_ROWS
