"""An engine that executes a plan with a procedural teacher. It sees no split and draws freely."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from itertools import islice
from typing import Any

from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.language.components import make
from dataenvgym_spec.records.items import Item


class Procedural:
    """Draws candidates for every skill in the plan."""

    def __init__(self, *, teacher: dict[str, Any], oversample: float, corrupt: float) -> None:
        self.teacher = make("teacher", teacher)
        self.oversample, self.corrupt = oversample, corrupt

    def candidates(self, requests: dict[str, int], seed: int) -> Iterator[Item]:
        """Candidates for `requests` examples of each skill, skill by skill, each in the order of drawing."""
        for skill, count in sorted(requests.items()):
            stream = self.teacher.examples(skill, seed_from("engine", seed, skill))
            rng = random.Random(seed_from("corrupt", seed, skill))
            for item in islice(stream, math.ceil(count * self.oversample)):
                yield self._spoiled(item, rng) if rng.random() < self.corrupt else item

    def _spoiled(self, item: Item, rng: random.Random) -> Item:
        """The item with one character of its answer changed or added."""
        digits = [index for index, letter in enumerate(item.target) if letter.isdigit()]
        if not digits:
            return Item(**{**item.row(), "target": f"{item.target}7"})
        at = rng.choice(digits)
        other = rng.choice([digit for digit in "0123456789" if digit != item.target[at]])
        return Item(**{**item.row(), "target": item.target[:at] + other + item.target[at + 1 :]})
