"""What a source holds, as far as its declaration, its options and its file say so.

Not a rule itself; rules about sources use it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from dataenvgym_spec.compile.rules.capacity import capacity
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.declared import REFERRED, Definition, OptionPath
from dataenvgym_spec.language.options import at
from dataenvgym_spec.language.places import named
from dataenvgym_spec.records.layouts import COLUMNS
from dataenvgym_spec.records.reading import Reading
from dataenvgym_spec.records.tables import in_lists
from dataenvgym_spec.resolve.arms import Arm
from dataenvgym_spec.resolve.files import File

Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """How messages call what a source holds: a group, groups, and their items."""

    one: str
    many: str
    items: str


_PLAIN_WORDS: Final = Words(one="group", many="groups", items="items")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a source with rows: the option that names it, and its name."""

    option: OptionPath
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The source that rows are joined with.

    Attributes:
        option: the option that says so.
        source: the other source; None if there is none of its name, which is told elsewhere.
    """

    option: OptionPath
    source: Supply | None

    def column(self, name: str) -> str | None:
        """What the other source calls a column; None if it is not one of its own."""
        prefix = f"{self.option[-1]}."
        return name.removeprefix(prefix) if name.startswith(prefix) else None


@dataclass(frozen=True, kw_only=True)
class Supply:
    """What holds rows or makes problems: one source of an arm, or an engine with a file.

    Attributes:
        name: what the spec calls it.
        place: where the spec has it.
        options: its options, with its `kind`.
        declared: its definition.
        file: the file of its rows, as it reads it; None for a source that has none.
        reading: how it reads rows.
        joined: what its rows are joined with: the other source, by the option that names it, whose
            last key stands before the names of the other's columns.
    """

    name: str
    place: OptionPath
    options: Options
    declared: Definition
    file: File | None
    reading: Reading
    joined: Joined | None = None

    @property
    def words(self) -> Words:
        """How messages call what it holds."""
        for words in self.declared.marked("x-groups").values():
            return Words(**words)
        return _PLAIN_WORDS

    @property
    def groups(self) -> dict[str, Options]:
        """The groups that its options list, each with its own options."""
        return _listed(self.declared, self.options)

    @property
    def columns(self) -> dict[str, Column]:
        """The columns that its options name, by what they hold."""
        columns: dict[str, Column] = {}
        for option in self.declared.marked("x-layout"):
            if self.reading.layout is not None:
                columns = {held: Column(option=option, name=held) for held in COLUMNS}
        for option, held in self.declared.marked("x-column").items():
            for _, name in named(self.options, option):
                columns[held] = Column(option=option, name=name)
        return columns

    @property
    def slices(self) -> tuple[Column, ...]:
        """The columns that the report tells items apart by."""
        found = []
        for option in self.declared.marked("x-slices"):
            for _, slices in named(self.options, option):
                found += [Column(option=(*option, name), name=slices[name]) for name in slices]
        return tuple(found)

    def column_option(self, held: str) -> OptionPath | None:
        """The option that names the column of something, set or not.

        None for a source without columns.
        """
        for option, other in self.declared.marked("x-column").items():
            if other == held:
                return option
        return None

    def rows(self) -> str:
        """What tells its rows from those of other sources: its options without columns."""
        columns = {option[0] for option in self.declared.marked("x-column")}
        rest = {key: value for key, value in self.options.items() if key not in columns}
        if self.file is not None and not self.file.path:
            rest["placed"] = list(self.place)  # two files that are not here are not the same
        return json.dumps(rest, sort_keys=True)

    def table(self) -> str:
        """What tells its table from others, however it is read: the file's content, or a data set.

        Rows that are laid out, joined or left out in another way are rows of the same table.
        """
        marks = ("x-column", "x-layout", "x-bad-rows", "x-join", "x-without")
        ways = {option[0] for mark in marks for option in self.declared.marked(mark)}
        if self.declared.files:
            ways.add("kind")
        rest = {key: value for key, value in self.options.items() if key not in ways}
        return json.dumps(rest, sort_keys=True)

    @cached_property
    def sizes(self) -> dict[str, int | None]:
        """Its groups as far as they are known, and how many items each has at most."""
        for sizes in self.declared.marked("x-sizes").values():
            return {group: capacity(sizes, options) for group, options in self.groups.items()}
        if self.groups:
            return dict.fromkeys(self.groups)
        column = self.columns.get("group")
        if column is None or self.file is None or self.file.table is None:
            return {}
        if self.reading.skips:  # which rows these are of is not known here
            return {}
        return dict(self.file.table.columns.get(column.name) or {})


def listed_groups(options: Options) -> dict[str, Options]:
    """The groups that the options of a source list, each with its own options.

    There are none where the items say it.
    """
    return _listed(definition("source", options["kind"]), options)


def _listed(declared: Definition, options: Options) -> dict[str, Options]:
    for option in declared.marked("x-groups"):
        for _, groups in named(options, option):
            return dict(groups)
    return {}


def supply(arm: Arm, name: str) -> Supply | None:
    """A source of an arm by its name; None if there is none of this name."""
    place = (*REFERRED["source"], name)
    # Each rule about sources or skills asks, and each for every option of its own.
    if place not in arm.worked_out:
        arm.worked_out[place] = _source(arm, name, place)
    found: Supply | None = arm.worked_out[place]
    return found


def _source(arm: Arm, name: str, place: OptionPath) -> Supply | None:
    options = arm.experiment.task.sources.get(name)
    if options is None:
        return None
    declared = definition("source", options["kind"])
    return _supply(arm, name, place, options, declared)


def of_engine(arm: Arm) -> Supply | None:
    """The rows that the engine itself names a file of; None if it names none."""
    options = arm.experiment.agent.engine
    declared = definition("engine", options["kind"])
    if not declared.marked("x-column"):
        return None
    return _supply(arm, declared.kind, ("agent", "engine"), options, declared)


def _supply(
    arm: Arm, name: str, place: OptionPath, options: Options, declared: Definition
) -> Supply:
    places = [(*place, *path) for path in declared.files]
    files = [arm.references[place] for place in places if place in arm.references]
    file, reading = next(iter(files), None), reading_of(declared, options)
    joined = _joined(arm, options, declared)
    if file is not None and declared.marked("x-column"):
        names = [name for path in declared.marked("x-column") for _, name in named(options, path)]
        file = file.read_as(reading, tuple(sorted(filter(in_lists, names))))
        if joined is not None or _says("x-without", declared, options):
            # Which of the file's own rows it gives is known when the other source is read.
            file = replace(file, holding=None)
    return Supply(
        name=name,
        place=place,
        options=options,
        declared=declared,
        file=file,
        reading=reading,
        joined=joined,
    )


def reading_of(declared: Definition, options: Options) -> Reading:
    """How a component reads the rows of its file."""
    layouts = [value for path in declared.marked("x-layout") for _, value in named(options, path)]
    bad = [value for path in declared.marked("x-bad-rows") for _, value in named(options, path)]
    return Reading(
        tables="table" in declared.marked("x-file").values(),
        layout=next(iter(layouts), None),
        skips="skip" in bad,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """That rows are compared with those of another source, to join them or to leave them out.

    Attributes:
        option: the option that says so.
        source: the name of the other source.
        own: the column by which; None where items are compared by what they ask.
        theirs: the other's column.
    """

    option: OptionPath
    source: str
    own: Column | None = None
    theirs: Column | None = None


def comparisons(source: Supply) -> list[Comparison]:
    """The other sources that a source names to compare its rows with theirs."""
    declared, options = source.declared, source.options
    return [
        comparison
        for mark in ("x-join", "x-without")
        for option in declared.marked(mark)
        for comparison in _comparisons(declared, options, option)
    ]


def _comparisons(declared: Definition, options: Options, option: OptionPath) -> list[Comparison]:
    inside = [part for part in declared.parts if part.path[: len(option)] == option]
    columns: dict[str, Column] = {}
    for path, whose in declared.marked("x-match").items():
        name = at(options, path)
        if path[: len(option)] == option and name is not None:
            columns[whose] = Column(option=path, name=name)
    own = columns.get("own")
    theirs = columns.get("other", own)
    return [
        Comparison(option=option, source=name, own=own, theirs=theirs)
        for part in inside
        if (name := at(options, part.path)) is not None
    ]


def _joined(arm: Arm, options: Options, declared: Definition) -> Joined | None:
    for option in declared.marked("x-join"):
        for join in _comparisons(declared, options, option):
            # A circle of joins is told elsewhere.
            other = arm.experiment.task.sources.get(join.source, {})
            is_joined = _says("x-join", declared, other)
            source = None if is_joined else supply(arm, join.source)
            return Joined(option=option, source=source)
    return None


def _says(mark: str, declared: Definition, options: Options) -> bool:
    """Whether an option that carries a mark is set."""
    return any(at(options, path) is not None for path in declared.marked(mark))


def drawn(arm: Arm) -> list[Supply]:
    """The sources that the engine, or a teacher of it, draws new problems from."""
    names = dict.fromkeys(_procedural_sources(arm, "engine", arm.experiment.agent.engine))
    return [source for name in names if (source := supply(arm, name)) is not None]


def _procedural_sources(arm: Arm, slot: str, options: Options) -> Iterator[str]:
    for part in definition(slot, options["kind"]).parts:
        for _, value in named(options, part.path):
            if part.by == "value":
                yield from _procedural_sources(arm, part.slot, value)
                continue
            if part.slot == "source":
                if part.takes == "procedural":
                    yield value
                continue
            other = arm.experiment.referred(part.slot, value)
            if other is not None:
                yield from _procedural_sources(arm, part.slot, other)
