"""An engine that makes nothing: it takes real items of the pool, the control of generated ones."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.engines.groups import groups_for
from dataenvgym_spec.gym.engines.named import named_items
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import Request


class FromPool:
    """Draws candidates of every skill in the plan from the pool."""

    def __init__(self, *, pool: Sequence[Item], oversample: float) -> None:
        self.oversample = oversample
        self._by_id = {item.id: item for item in pool}
        self._groups: dict[str, list[Item]] = {}
        for item in pool:
            self._groups.setdefault(item.group, []).append(item)

    def generate(self, requests: Sequence[Request], tools: Tools) -> Iterator[Example]:
        """Candidates skill by skill, each in the order of drawing, none of them twice.

        A skill is a group of the pool. One that the pool has no more items of gives what there is.
        A request for another skill is met from the groups of what its prompt would show, or of the
        items that the skill was made of, and one about the task as a whole from the whole pool. A
        request that names items gets these.

        Raises:
            StageError: a request names an item that the pool does not have, or asks for a subskill.
        """
        for request in sorted(requests, key=lambda request: request.skill):
            chosen = named_items(request, self._by_id)
            if chosen:
                for item in chosen:
                    yield Example.of(item, request)
                continue
            names = dict.fromkeys(groups_for(request, tools, list(self._groups)))
            items = [item for name in names for item in self._groups[name]]
            count = min(math.ceil(request.count * self.oversample), len(items))
            rng = random.Random(seed_from("pool", tools.seed, request.id))
            for item in rng.sample(items, count):
                yield Example.of(item, request)
