"""An engine that executes a plan with a procedural teacher. It sees no split and draws freely."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.engines.streams import stream_for
from dataenvgym_spec.gym.tasks.media import Images
from dataenvgym_spec.gym.teachers.procedural import ProceduralTeacher
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import Request


class ProceduralEngine:
    """Draws candidates for every skill in the plan."""

    def __init__(self, *, teacher: ProceduralTeacher, oversample: float, corrupt: float) -> None:
        self.teacher, self.source = teacher, teacher.source
        self.oversample, self.corrupt = oversample, corrupt

    def generate(self, requests: Sequence[Request], tools: Tools) -> Iterator[Example]:
        """Candidates skill by skill, each in the order of drawing.

        Which they are says `stream_for`.

        Raises:
            StageError: a request is for a skill that nothing ties to a group, or for a subskill
                that is no variant.
        """
        tools = self.teacher.seeded(tools)
        for request in sorted(requests, key=lambda request: request.skill):
            stream = stream_for(self.source, request, tools)
            rng = random.Random(seed_from("corrupt", tools.seed, request.id))
            for item in islice(stream, math.ceil(request.count * self.oversample)):
                spoil = rng.random() < self.corrupt
                self._take(item, tools)
                yield Example.of(_spoiled(item, rng) if spoil else item, request)

    def _take(self, item: Item, tools: Tools) -> None:
        """Hands on the images of an item."""
        held: Images | None = getattr(self.source, "images", None)
        for picture in item.pictures:
            content = None if held is None else held.content(picture)
            if content is not None:
                tools.images.add(content)


def _spoiled(item: Item, rng: random.Random) -> Item:
    """The item with one character of its answer changed or added."""
    digits = [index for index, letter in enumerate(item.target) if letter.isdigit()]
    if not digits:
        return msgspec.structs.replace(item, target=f"{item.target}7")
    at = rng.choice(digits)
    other = rng.choice([digit for digit in "0123456789" if digit != item.target[at]])
    target = item.target[:at] + other + item.target[at + 1 :]
    return msgspec.structs.replace(item, target=target)
