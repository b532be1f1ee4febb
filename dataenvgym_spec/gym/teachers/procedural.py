"""A teacher that runs the generators of a procedural source.

It is asked for no text, so it is no `Teacher` by its protocol: an engine that draws uses the
source.
"""

from __future__ import annotations

from dataclasses import replace

from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.tasks.protocol import Source
from dataenvgym_spec.gym.tools import Tools


class ProceduralTeacher:
    """A procedural source under the name of a teacher, with a seed if it has one of its own."""

    def __init__(self, *, source: Source, seed: int | None = None) -> None:
        self.source, self.seed = source, seed

    def seeded(self, tools: Tools) -> Tools:
        """Tools that draw what this teacher writes."""
        if self.seed is None:
            return tools
        return replace(tools, seed=seed_from("teacher", tools.seed, self.seed))
