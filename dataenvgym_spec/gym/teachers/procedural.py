"""A teacher that runs the generators of a procedural source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dataenvgym_spec.gym.tasks.protocol import Source
from dataenvgym_spec.language.components import make
from dataenvgym_spec.records.items import Item


class Procedural:
    """Writes examples of a skill without end."""

    def __init__(self, *, source: dict[str, Any]) -> None:
        self.source: Source = make("source", source)

    def examples(self, skill: str, seed: int) -> Iterator[Item]:
        """Endless examples of a skill; the skill is a group of the source."""
        return self.source.stream(skill, seed)
