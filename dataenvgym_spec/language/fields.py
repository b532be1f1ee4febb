"""What records of the spec language are made of: names, counts, slots for components."""

from __future__ import annotations

from typing import Annotated, Any, Final

from msgspec import Meta, Struct

NAME_PATTERN: Final = "^[A-Za-z][A-Za-z0-9_-]{0,63}$"

Options = dict[str, Any]
"""A component: its `kind` and its options."""
Word = str | Options
"""A component that is written as a bare word where it has no options."""


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """A mapping of the spec: unknown keys are errors."""


def hover(text: str, **bounds: Any) -> Meta:
    """A hover text, and bounds such as `ge` and `max_length`."""
    return Meta(description=text, **bounds)


def slot(name: str, text: str) -> Meta:
    """A place for a component of a slot, with its hover text."""
    return Meta(description=text, extra_json_schema={"x-slot": name})


def slot_map(name: str, text: str) -> Meta:
    """A place for several components of a slot, each called by its key."""
    return Meta(description=text, extra_json_schema={"x-slot-map": name})


def word(name: str, text: str) -> Meta:
    """A place for a component that is written as a bare word where it has no options."""
    return Meta(description=text, extra_json_schema={"x-slot-word": name})


ONE: Final = {"minProperties": 1, "maxProperties": 1}
"""What the schema says of a mapping that is a choice of one key."""


def one(text: str) -> Meta:
    """A mapping that is a choice of one key."""
    return Meta(description=text, extra_json_schema=ONE)


Name = Annotated[
    str,
    hover("Letters, digits, '-' and '_', beginning with a letter.", pattern=NAME_PATTERN),
]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
