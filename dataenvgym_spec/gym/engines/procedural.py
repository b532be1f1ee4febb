"""An engine that executes a plan with a procedural teacher. It sees no split and draws freely."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from dataenvgym_spec.core.errors import StageError, suggest
from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.engines.groups import groups_for
from dataenvgym_spec.gym.teachers.procedural import ProceduralTeacher
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import Request


class ProceduralEngine:
    """Draws candidates for every skill in the plan."""

    def __init__(self, *, teacher: ProceduralTeacher, oversample: float, corrupt: float) -> None:
        self.source = teacher.source
        self.oversample, self.corrupt = oversample, corrupt

    def generate(self, requests: Sequence[Request], tools: Tools) -> Iterator[Example]:
        """Candidates skill by skill, each in the order of drawing.

        A skill is a group of the source, and a subskill a variant of it. A request for another
        skill is met from the groups of what its prompt would show, or of the items that the skill
        was made of, in turns, and one about the task as a whole from all.

        Raises:
            StageError: a request is for a skill that nothing ties to a group, or for a subskill
                that is no variant.
        """
        groups = self.source.groups()
        for request in sorted(requests, key=lambda request: request.skill):
            stream = self._requested(request, tools, groups)
            rng = random.Random(seed_from("corrupt", tools.seed, request.id))
            for item in islice(stream, math.ceil(request.count * self.oversample)):
                spoil = rng.random() < self.corrupt
                yield Example.of(_spoiled(item, rng) if spoil else item, request)

    def _requested(self, request: Request, tools: Tools, groups: Sequence[str]) -> Iterator[Item]:
        seed = seed_from("engine", tools.seed, request.id)
        if request.subskill is not None:
            return self._variant(request, request.subskill, seed)
        names = groups_for(request, tools, groups)
        if not names:
            raise _unknown(request.skill, groups)
        return self._stream(names, seed)

    def _variant(self, request: Request, subskill: str, seed: int) -> Iterator[Item]:
        if not hasattr(self.source, "variant"):
            message = f"the source has no variants, and '{request.id}' asks for one"
            raise StageError(message, help="name an engine that can write examples of subskills")
        items: Iterator[Item] = self.source.variant(request.skill, subskill, seed)
        return items

    def _stream(self, groups: Sequence[str], seed: int) -> Iterator[Item]:
        """Items of some groups in turns."""
        if len(groups) == 1:
            return self.source.stream(groups[0], seed)
        streams = []
        for number, group in enumerate(groups):
            streams.append(self.source.stream(group, seed_from("turn", seed, number)))
        return (item for turn in zip(*streams, strict=False) for item in turn)


def _unknown(skill: str, groups: Sequence[str]) -> StageError:
    message = f"the teacher's source has no group '{skill}', and nothing ties the skill to one"
    help = (
        "draw feedback from a source with the groups of the teacher's, name skills as the groups "
    )
    help += "are, or ask a language model; "
    return StageError(message, help=help + suggest(skill, groups))


def _spoiled(item: Item, rng: random.Random) -> Item:
    """The item with one character of its answer changed or added."""
    digits = [index for index, letter in enumerate(item.target) if letter.isdigit()]
    if not digits:
        return msgspec.structs.replace(item, target=f"{item.target}7")
    at = rng.choice(digits)
    other = rng.choice([digit for digit in "0123456789" if digit != item.target[at]])
    target = item.target[:at] + other + item.target[at + 1 :]
    return msgspec.structs.replace(item, target=target)
