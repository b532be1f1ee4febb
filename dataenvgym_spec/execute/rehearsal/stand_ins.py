"""What stands in for the components of a spec, as their definitions say. Pure: makes nothing.

A model that exists is a tiny one of the same architecture, a data set a file with a handful of
rows, a language model a scripted service. What has to be made for that is gathered here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dataenvgym_spec.execute.rehearsal.wanted import (
    WantedFiles,
    WantedRows,
    wanted_files,
    wanted_rows,
)
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.declared import Definition
from dataenvgym_spec.language.options import at
from dataenvgym_spec.resolve.arms import Arm

UP: Final = "../"
"""From the folder of the specs to that of the rehearsal."""


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


@dataclass(slots=True, kw_only=True)
class StandIns:
    """What has to be made, by its path in the folder of the rehearsal."""

    models: dict[WantedModel, str] = field(default_factory=dict)
    tables: dict[str, tuple[str, WantedRows]] = field(default_factory=dict)
    files: dict[str, tuple[str, WantedFiles]] = field(default_factory=dict)
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

    def folder(self, wanted: WantedFiles) -> str:
        """Where files will lie that stand in for those of a source, each called as its option."""
        path, before = self.files.get(wanted.identity, (f"files-of/{len(self.files)}", wanted))
        larger = max(before, wanted, key=lambda one: one.count)
        self.files[wanted.identity] = (path, larger)
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
    elif place.slot == "source" and "files" in said:
        options = _files(arm, place, made)
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
    """Whether the files that a component names are here."""
    named = [path for path in place.item.files if at(place.options, path) is not None]
    references = [arm.references.get((*place.path, *path)) for path in named]
    return bool(references) and all(file is not None and file.path for file in references)


def _source(arm: Arm, place: Place, made: StandIns) -> dict[str, Any]:
    options = {key: value for key, value in place.options.items() if value is not None}
    if is_here(arm, place):
        return options
    target = definition(place.slot, place.item.rehearsal["kind"])
    rows = wanted_rows(arm, place.path[-1], place.item, place.options)
    made.note("source", rows.name, "a handful of rows")
    return {**_shared(target, options), _file_option(target): UP + made.table(rows)}


def _files(arm: Arm, place: Place, made: StandIns) -> dict[str, Any]:
    """A source with a format of its own, with files that are made up in that format."""
    options = {key: value for key, value in place.options.items() if value is not None}
    if is_here(arm, place):
        return options
    wanted = wanted_files(arm, place.path[-1], place.item, place.options)
    made.note("source", wanted.name, "a handful of rows in its format")
    folder = made.folder(wanted)
    for option in wanted.said:
        options[option] = f"{UP}{folder}/{option}"
    for option, value in place.item.rehearsal.get("set", {}).items():
        options[option] = value
    return {key: value for key, value in options.items() if value is not None}
