"""What a source holds, as far as its declaration, its options and its file say so.

Not a rule itself; rules about sources use it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from dataenvgym_spec.compile.rules.capacity import capacity
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.declared import REFERRED, Definition, OptionPath
from dataenvgym_spec.language.places import named
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


@dataclass(frozen=True, kw_only=True)
class Supply:
    """What holds rows or makes problems: one source of an arm, or an engine with a file.

    Attributes:
        name: what the spec calls it.
        place: where the spec has it.
        options: its options, with its `kind`.
        declared: its definition.
        file: the file of its rows; None for a source that has none.
    """

    name: str
    place: OptionPath
    options: Options
    declared: Definition
    file: File | None

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
        for option, held in self.declared.marked("x-column").items():
            for _, name in named(self.options, option):
                columns[held] = Column(option=option, name=name)
        return columns

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
    options = arm.experiment.task.sources.get(name)
    if options is None:
        return None
    declared = definition("source", options["kind"])
    return _supply(arm, name, (*REFERRED["source"], name), options, declared)


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
    file = next(iter(files), None)
    return Supply(name=name, place=place, options=options, declared=declared, file=file)


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
