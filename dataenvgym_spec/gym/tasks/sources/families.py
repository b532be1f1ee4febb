"""What procedural sources have in common whose groups are families, each with settings of its own.

Not a source itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.records.items import Item

AS_SET: Final = "as set"
"""The variant of a family that is the family."""
Family = Mapping[str, Any]


class Families(ABC):
    """A source of endless items with variants; each group is a family.

    Attributes:
        families: their settings, by name.
    """

    procedural = True
    families: Mapping[str, Family]

    def groups(self) -> list[str]:
        """The names of the families."""
        return sorted(self.families)

    def stream(self, group: str, seed: int) -> Iterator[Item]:
        """Items of one family, endless and repeating, from a seed."""
        return self._stream(self.families[group], group, seed)

    def variants(self, group: str) -> Iterator[str]:
        """Names of a family's harder and easier variants, the nearest first."""
        yield AS_SET
        yield from self._variants(group)

    def variant(self, group: str, name: str, seed: int) -> Iterator[Item]:
        """Items of one variant of a family, as `stream` gives them of the family.

        Raises:
            StageError: there is no such variant.
        """
        known = {AS_SET: {}, **self._variants(group)}
        if name not in known:
            message = f"the family '{group}' has no variant '{name}'"
            raise StageError(message, help=f"it has {', '.join(map(repr, known))}")
        return self._stream({**self.families[group], **known[name]}, group, seed)

    @abstractmethod
    def _variants(self, group: str) -> Mapping[str, Family]:
        """The settings in which each variant of a family differs from it, the nearest first."""

    @abstractmethod
    def _stream(self, family: Family, group: str, seed: int) -> Iterator[Item]:
        """Items of a family with these settings."""
