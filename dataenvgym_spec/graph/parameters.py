"""What the parameters of all stage kinds have in common: a record, and its JSON values.

`plain` gives the JSON values whose canonical form enters the key.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any, ClassVar, TypeVar

import msgspec

from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.values import forms, read_components, values
from dataenvgym_spec.language.options import Path, at, with_value

P = TypeVar("P", bound="Params")


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """The fields of a record; msgspec evaluates their annotations each time that it is asked."""
    return msgspec.structs.fields(kind)


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A component that JSON values hold: how many steps lead to it, and its slot."""

    length: int
    slot: str


class Params(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What a stage does, besides its kind and what it reads.

    A field that is None is left out of the JSON values, so that a stage which does not use it keeps
    the key that it had before the field existed. `form`, where a stage has it, is what of a
    question does not count; None is the usual one.
    """

    slots: ClassVar[Mapping[str, str]] = {}
    """The slot of each field that holds a component, a tuple of them, or a mapping to them."""
    places: ClassVar[Mapping[str, Path]] = {}
    """Where JSON values have a component that does not stand under the name of its field."""
    seeded: ClassVar[str] = "run"
    """Which of a spec's seeds `seed` is."""

    @cached_property
    def plain(self) -> dict[str, Any]:
        """JSON values; one object for a record, however many stages share it."""
        content: dict[str, Any] = {}
        # What stands among the values of another field comes after that.
        for name in sorted(self.__struct_fields__, key=self.places.__contains__):
            value = getattr(self, name)
            if value is not None:
                place = self.places.get(name, (name,))
                content = with_value(content, place, self._written(name, value))
        return content

    def _written(self, _name: str, value: Any) -> Any:
        """The JSON values of a field."""
        return values(value)

    @classmethod
    def parse(cls: type[P], content: Mapping[str, Any]) -> P:
        """The record that JSON values hold.

        Raises:
            msgspec.ValidationError: they are of another shape.
            KeyError: a component has no kind.
        """
        fields: dict[str, Any] = {}
        for field in _fields(cls):
            value = at(content, cls.places.get(field.name, (field.name,)))
            if value is None:
                continue
            if field.name in cls.slots:
                fields[field.name] = read_components(cls.slots[field.name], value, field.type)
            else:
                fields[field.name] = msgspec.convert(value, field.type)
        return cls._made(fields)

    @classmethod
    def _made(cls: type[P], fields: dict[str, Any]) -> P:
        try:
            return cls(**fields)
        except TypeError as error:
            raise msgspec.ValidationError(str(error)) from error

    @classmethod
    def held(cls, path: Path) -> Held | None:
        """The component at or above a path of the JSON values; None if there is none."""
        types = {field.name: field.type for field in _fields(cls)}
        for name, slot in cls.slots.items():
            place = cls.places.get(name, (name,))
            # Of several each has a name, or a place in the list.
            length = len(place) + bool(forms(types[name]) & {dict, tuple})
            if path[: len(place)] == place and len(path) >= length:
                return Held(length=length, slot=slot)
        return None

    def components(self) -> tuple[tuple[str, Component], ...]:
        """The components in it, each with the field that holds it.

        What they are made of is not listed.
        """
        found = []
        for name in self.slots:
            value = getattr(self, name)
            held = value if isinstance(value, tuple) else (value,)
            if isinstance(value, Mapping):
                held = tuple(value.values())
            found += [(name, part) for part in held if part is not None]
        return tuple(found)

    @property
    def divides(self) -> bool:
        """Whether several processes can share the stage, each with a model of its own.

        Raises:
            UserError: a component is not installed.
        """
        return False

    @property
    def repeatable(self) -> bool:
        """Whether a spec gives up no promise of what running the stage again gives."""
        return True

    @property
    def blind(self) -> bool:
        """Whether it belongs to an agent that observes nothing of its student."""
        return getattr(self, "observe", None) == "nothing"

    @property
    def refused(self) -> frozenset[str]:
        """The roles that none of its slots may receive, whatever its kind allows."""
        return frozenset()
