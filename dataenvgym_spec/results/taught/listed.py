"""Accepted examples as a list of no more than they are chosen by; the rest stays in their files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.stored import Stored


class Chosen(Protocol):
    """What examples are chosen by; an `Example` has it, too."""

    @property
    def id(self) -> str:
        """Its identity."""

    @property
    def asked_by(self) -> str:
        """The name of the request that it counts for."""

    @property
    def iteration(self) -> int:
        """That it is of."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An example that is listed: what it is chosen by, and where it stands."""

    id: str
    asked_by: str
    iteration: int
    file: int
    row: int


def listed(examples: Iterable[Example], file: int) -> list[Listed]:
    """The examples of one file, in order.

    Args:
        examples: they.
        file: its number.
    """
    names: dict[str, str] = {}
    found = []
    for row, example in enumerate(examples):
        # A request has many examples, and its name is held once.
        asked_by = names.setdefault(example.asked_by, example.asked_by)
        found.append(Listed(example.id, asked_by, example.iteration, file, row))
    return found


class Shelf:
    """Files of examples, some of which are taken from them."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.files = [Stored(path, Example) for path in paths]

    def listed(self, number: int) -> list[Listed]:
        """The examples of one file, in order."""
        return listed(self.files[number], number)

    def taken(self, some: Iterable[Listed]) -> Iterator[Example]:
        """Examples, each read when its turn has come."""
        for listed in some:
            yield self.files[listed.file][listed.row]
