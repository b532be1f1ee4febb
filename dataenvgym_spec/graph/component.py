"""A component as a stage uses it.

Its options, its version, and the components that it refers to, bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.hashing import SHORT, digest
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.declared import Definition
from dataenvgym_spec.language.options import Path, at, with_value, without

Options = Mapping[str, Any]
Lookup = Callable[[str, str], Options]
"""Looks up the options of the component that a spec gives a name, by slot and name."""

Circumstances = Mapping[str, Options]
"""The options that change no result, of components by their `identity`."""

_OURS: Final = ("kind", "semantics")


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A component with what it refers to already bound.

    Attributes:
        slot: what it is plugged into, such as `engine`.
        kind: its name there.
        version: what versions its results: the declared number, or the hash of a package's source.
        options: its own, by its own schema.
        parts: the components that its options refer to or hold, by the path of the option.
    """

    slot: str
    kind: str
    version: int | str
    options: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[Path, Component] = field(default_factory=dict)

    @classmethod
    def bind(cls, slot: str, options: Options, named: Lookup) -> Component:
        """The component that resolved options of a spec describe, with its parts.

        Args:
            slot: what it is plugged into.
            options: with `kind`.
            named: looks up what an option names.
        """
        declared = definition(slot, options["kind"])
        parts = {}
        for part in declared.parts:
            value = at(options, part.path)
            if value is None:
                continue
            inner = named(part.slot, value) if part.by == "name" else value
            parts[part.path] = cls.bind(part.slot, inner, named)
        own = _without(options, parts)
        return cls(
            slot=slot, kind=declared.kind, version=declared.version(), options=own, parts=parts
        )

    @classmethod
    def parse(cls, slot: str, content: Any) -> Component:
        """The component of a stage's parameters; what `plain` gives.

        A bare word is a component of version 1 without options. Of a component that is not
        installed here the parts are not known, and stay among the options.
        """
        if isinstance(content, str):
            return cls(slot=slot, kind=content, version=1)
        declared = _installed(slot, content["kind"])
        parts = {}
        for part in declared.parts if declared is not None else ():
            value = at(content, part.path)
            if value is not None:
                parts[part.path] = cls.parse(part.slot, value)
        own = _without(content, parts)
        version = content.get("semantics", 1)
        return cls(slot=slot, kind=content["kind"], version=version, options=own, parts=parts)

    @property
    def definition(self) -> Definition:
        """Its definition.

        Raises:
            UserError: it is not installed here.
        """
        return definition(self.slot, self.kind)

    @property
    def procedural(self) -> bool:
        """Whether it is declared to do without a language model; False if it is not installed."""
        declared = _installed(self.slot, self.kind)
        return declared is not None and declared.procedural

    @property
    def reads(self) -> str | None:
        """What it is declared to read with the options that it has; see `Definition.read_with`."""
        return self.definition.read_with(self.options, self.parts)

    @property
    def on_device(self) -> bool:
        """Whether it runs a model in the stage that it is part of; False if not installed here."""
        declared = _installed(self.slot, self.kind)
        return declared is not None and declared.device

    @property
    def executes(self) -> bool:
        """Whether it executes programs that a model wrote; False if it is not installed here."""
        declared = _installed(self.slot, self.kind)
        return declared is not None and declared.runs_programs

    @property
    def ready(self) -> bool:
        """Whether it is a model that exists; False if it is not installed here."""
        declared = _installed(self.slot, self.kind)
        return declared is not None and declared.ready

    @property
    def divides(self) -> bool:
        """Whether it is a backend that says which prompts it generates side by side.

        Raises:
            UserError: it is not installed here.
        """
        declared = self.definition.divides
        return bool(self.options.get(declared)) if isinstance(declared, str) else declared

    @property
    def of_groups(self) -> bool:
        """Whether it is a discovery whose skills are the groups of the source."""
        declared = _installed(self.slot, self.kind)
        return declared is not None and declared.skills == "groups"

    @property
    def asks_teacher(self) -> bool:
        """Whether it is made of a teacher who is asked something, be it a model or not."""
        return any(part.slot == "teacher" and not part.procedural for part in self.walk())

    def marked(self, keyword: str) -> Mapping[Path, Any]:
        """The options that carry a keyword of ours, and its values; none if not installed here."""
        declared = _installed(self.slot, self.kind)
        return {} if declared is None else declared.marked(keyword)

    def walk(self) -> Iterator[Component]:
        """Itself, and all that it is made of."""
        yield self
        for part in self.parts.values():
            yield from part.walk()

    def acting(self, sees: Callable[[str], bool]) -> Component:
        """The component less the options that cannot act in an arm, so that no key knows them.

        Args:
            sees: whether the arm observes what an option is declared to need (`x-needs`).
        """
        options = self.options
        for path, needs in self.definition.marked("x-needs").items():
            if not any(map(sees, needs)):
                options = without(options, path)
        if options is self.options and not self.parts:  # most, and a sweep binds thousands
            return self
        parts = {path: part.acting(sees) for path, part in self.parts.items()}
        return replace(self, options=options, parts=parts)

    def part(self, slot: str) -> Component | None:
        """The first component of a slot that it is made of, if there is one."""
        return next((part for part in self.walk() if part.slot == slot), None)

    def circumstances(self) -> dict[str, Any]:
        """Its own options that change no result, where they are not the default."""
        declared = _installed(self.slot, self.kind)
        known = {} if declared is None else declared.schema["properties"]
        found = {}
        for (name,) in self.marked("x-circumstance"):
            value = self.options.get(name)
            if value is not None and value != known[name].get("default"):
                found[name] = value
        return found

    def under(self, circumstances: Circumstances) -> Component:
        """The component, and each part, with the options that change no result.

        Args:
            circumstances: what holds here; of a component that is not named there its own are kept.
        """
        if not circumstances:
            return self
        options = {**self.options, **circumstances.get(self.identity, {})}
        parts = {path: part.under(circumstances) for path, part in self.parts.items()}
        return replace(self, options=options, parts=parts)

    @property
    def identity(self) -> str:
        """Equal of components that give equal results: `teacher-3f9c2a71b04de615`."""
        return f"{self.slot}-{digest('component', self.plain())[:SHORT]}"

    def plain(self) -> dict[str, Any]:
        """JSON values as they enter a key: the options, each part at its place, and the version.

        Options that change no result are left out.
        """
        content: dict[str, Any] = {**self._lasting(), "kind": self.kind, "semantics": self.version}
        for path, part in self.parts.items():
            content = with_value(content, path, part.plain())
        return content

    def word(self) -> str | dict[str, Any]:
        """`plain`, or its kind alone where that says it all: version 1 and no options."""
        if self.version == 1 and not self._lasting() and not self.parts:
            return self.kind
        return self.plain()

    def _lasting(self) -> Options:
        """Its own options less those that change no result."""
        passing = {name for (name,) in self.marked("x-circumstance")}
        if not passing:
            return self.options
        return {name: value for name, value in self.options.items() if name not in passing}


def _installed(slot: str, kind: str) -> Definition | None:
    try:
        return definition(slot, kind)
    except UserError:
        return None


def _without(options: Options, paths: Mapping[Path, Component]) -> dict[str, Any]:
    """Options less what is kept elsewhere: kind, version, and the values at some paths."""
    own = {key: value for key, value in options.items() if key not in _OURS}
    for path in paths:
        own = without(own, path)
    return own
