"""A teacher that runs the generators of a procedural source.

It is asked for no text, so it is no `Teacher` by its protocol: an engine that draws uses the
source.
"""

from __future__ import annotations

from dataenvgym_spec.gym.tasks.protocol import Source


class ProceduralTeacher:
    """A procedural source under the name of a teacher."""

    def __init__(self, *, source: Source) -> None:
        self.source = source
