"""JSON values of parameters: how a field is written into a key, and how components are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args, get_origin

import msgspec

from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.language.student import Generate

UNUSED: Final = {"top_p": 1.0, "samples": 1, "repeatable": True}
"""Settings of generation that are left out where they say this: it was so when keys began."""


def read_components(slot: str, value: Any, kind: Any) -> Any:
    """A component, a tuple of them or a mapping to them, as the field is typed."""
    several = forms(kind)
    if dict in several:
        return {name: Component.parse(slot, part) for name, part in value.items()}
    if tuple in several:
        return tuple(Component.parse(slot, part) for part in value)
    return Component.parse(slot, value)


def forms(kind: Any) -> set[Any]:
    """What a type is made of: `dict` of a mapping, `tuple` of a tuple."""
    return {get_origin(form) for form in (kind, *get_args(kind))}


def decoding(generate: Generate) -> dict[str, Any]:
    """The settings of generation that act."""
    settings: dict[str, Any] = values(generate)
    if not generate.draws:
        # As it was written when there was nothing else.
        settings["temperature"] = 0
        settings["top_p"] = UNUSED["top_p"]
    for name, unused in UNUSED.items():
        if settings[name] == unused:
            del settings[name]
    return settings


def values(value: Any) -> Any:
    """JSON values of a field. A setting that is None is left out, as it is in a spec."""
    if isinstance(value, Component):
        return value.plain()
    if isinstance(value, msgspec.Struct):
        settings = msgspec.to_builtins(value)
        return {key: values(part) for key, part in settings.items() if part is not None}
    if isinstance(value, Mapping):
        return {key: values(part) for key, part in value.items() if part is not None}
    if isinstance(value, tuple | list):
        return [values(part) for part in value]
    return value
