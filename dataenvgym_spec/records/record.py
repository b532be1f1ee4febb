"""What all records have in common: how they become plain JSON values and are read from them."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

import msgspec

R = TypeVar("R", bound="Record")
_UNSET = (None, ())
_LEAVES = frozenset({str, int, float, bool, type(None)})


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen record of named fields.

    A field whose default is None or empty is written only if it is set, so that a row without it
    keeps the bytes that it had before the field existed.
    """

    def plain(self) -> dict[str, Any]:
        """The record as JSON values; one of several that stand in a place says which it is."""
        values = {name: _plain(value) for name, value in self._written()}
        config = self.__struct_config__
        return values if config.tag_field is None else {config.tag_field: config.tag, **values}

    def _written(self) -> list[tuple[str, Any]]:
        written = []
        for field in _fields(type(self)):
            value = getattr(self, field.name)
            if value != field.default or value not in _UNSET:
                written.append((field.encode_name, value))
        return written

    @classmethod
    def parse(cls: type[R], content: Any) -> R:
        """The record that JSON values hold.

        Raises:
            msgspec.ValidationError: they are not of this shape.
        """
        return msgspec.convert(content, cls)


@cache
def _fields(record: type[Record]) -> tuple[msgspec.structs.FieldInfo, ...]:
    # msgspec resolves the annotations anew each time, and the indexes of a sweep have 50,000 rows.
    return msgspec.structs.fields(record)


def _plain(value: Any) -> Any:
    """JSON values of a field: nested records follow the same rule, also in lists and mappings."""
    if type(value) in _LEAVES:  # most are, and the indexes of a sweep have millions
        return value
    if isinstance(value, Record):
        return value.plain()
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
