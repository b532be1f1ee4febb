"""An engine that has the images of a procedural teacher's questions painted anew."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.engines.painting import DESCRIBED, painted
from dataenvgym_spec.gym.engines.streams import stream_for
from dataenvgym_spec.gym.painters.protocol import Painter
from dataenvgym_spec.gym.teachers.procedural import ProceduralTeacher
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.plans import Request


class Repainted:
    """Draws the candidates that the procedural engine draws, and has their images painted.

    Attributes:
        counts: descriptions that were not painted.
    """

    def __init__(self, *, teacher: ProceduralTeacher, painter: Painter, oversample: float) -> None:
        self.teacher, self.source = teacher, teacher.source
        self.painter, self.oversample = painter, oversample
        self.counts: Counter[str] = Counter()

    @property
    def device(self) -> str | None:
        """Where a model paints, if one does in this stage."""
        return getattr(self.painter, "device", None)

    def generate(self, requests: Sequence[Request], tools: Tools) -> Iterator[Example]:
        """Candidates skill by skill, each in the order of drawing.

        Raises:
            StageError: a request is for a skill or subskill that the source does not have, or its
                items do not say what their images show.
        """
        examples = []
        tools = self.teacher.seeded(tools)
        for request in sorted(requests, key=lambda request: request.skill):
            stream = stream_for(self.source, request, tools)
            for item in islice(stream, math.ceil(request.count * self.oversample)):
                if DESCRIBED not in item.verifier:
                    message = "an item of the teacher's source does not say what its image shows"
                    help = (
                        f"name a source whose items have '{DESCRIBED}' in their verifiers: shapes"
                    )
                    raise StageError(message, help=help)
                examples.append(Example.of(item, request))
        yield from painted(examples, self.painter, tools, self.counts)
