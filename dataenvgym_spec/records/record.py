"""What all records have in common: how they become plain JSON values and are read from them."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

R = TypeVar("R", bound="Record")
_UNSET = (None, ())


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen record of named fields.

    A field whose default is None or empty is written only if it is set, so that a row without it
    keeps the bytes that it had before the field existed.
    """

    def plain(self) -> dict[str, Any]:
        """The record as JSON values."""
        return {name: _plain(value) for name, value in self._written()}

    def _written(self) -> list[tuple[str, Any]]:
        fields = msgspec.structs.fields(self)
        values = [(field, getattr(self, field.name)) for field in fields]
        return [
            (field.encode_name, value)
            for field, value in values
            if value != field.default or value not in _UNSET
        ]

    @classmethod
    def parse(cls: type[R], content: Any) -> R:
        """The record that JSON values hold.

        Raises:
            msgspec.ValidationError: they are not of this shape.
        """
        return msgspec.convert(content, cls)


def _plain(value: Any) -> Any:
    """JSON values of a field: nested records follow the same rule, also in lists and mappings."""
    if isinstance(value, Record):
        return value.plain()
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
