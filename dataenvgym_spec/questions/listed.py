"""Which records of a list differ from those of another, such as two lists of contrasts. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.language.source import Json

Row = Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """A record that differs; None on the side that has none like it."""

    old: Row | None
    new: Row | None

    @property
    def names(self) -> tuple[str, ...]:
        """What a record that both sides have says otherwise."""
        old, new = self.old or {}, self.new or {}
        return tuple(name for name in dict.fromkeys([*old, *new]) if not _agree(old, new, name))


def are_rows(value: Any) -> TypeGuard[list[Row]]:
    """Whether a value is a list of records; an empty one is."""
    return isinstance(value, list) and all(isinstance(row, dict) for row in value)


def row_changes(old: Sequence[Row], new: Sequence[Row]) -> Iterator[RowChange]:
    """The records that differ, wherever they stand: changed ones, then those gone, then new ones.

    What a record says first names it: two that say something else there are two records.

    >>> old = [{"arm": "a", "primary": True}]
    >>> for one in row_changes(old, [{"arm": "b"}, {"arm": "a", "primary": False}]):
    ...     print(one.old, one.new)
    {'arm': 'a', 'primary': True} {'arm': 'a', 'primary': False}
    None {'arm': 'b'}
    """
    gone, came = _less(old, new), _less(new, old)
    for row in list(gone):
        like = max(came, key=lambda other: _agreement(row, other), default=None)
        if like is not None and _agreement(row, like)[:1] == [True]:
            gone.remove(row)
            came.remove(like)
            yield RowChange(old=row, new=like)
    yield from (RowChange(old=row, new=None) for row in gone)
    yield from (RowChange(old=None, new=row) for row in came)


def _less(rows: Sequence[Row], others: Sequence[Row]) -> list[Row]:
    """The records that another list has not, each as often as it has not."""
    left, kept = Counter(map(canonical, others)), []
    for row in rows:
        text = canonical(row)
        if left[text]:
            left[text] -= 1
        else:
            kept.append(row)
    return kept


def _agreement(row: Row, other: Row) -> list[bool]:
    """In which of its values a record agrees with another; the first ones count most."""
    return [_agree(row, other, name) for name in row]


def _agree(row: Row, other: Row, name: str) -> bool:
    if name not in row or name not in other:
        return False
    return canonical(row[name]) == canonical(other[name])
