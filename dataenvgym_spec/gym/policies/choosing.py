"""Choosing items of the pool to ask for. Not a policy itself."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.environments.open_ended import OpenEndedAction, OpenEndedState, Wanted
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import TASK, Like


class Chooser:
    """Asks for the items of the pool that score highest; of equal ones the seed decides.

    None is chosen twice in a loop. Without scores all are equal: the choice is a random one, by the
    same requests to the same engine.
    """

    def __init__(self, pool: Sequence[Item], per_request: int) -> None:
        self.pool, self.per_request = pool, per_request

    def choose(
        self,
        state: OpenEndedState,
        budget: int,
        tools: Tools,
        scores: Mapping[str, float] | None,
        by: str,
    ) -> OpenEndedAction:
        """Requests for as many items as there are examples to teach, if the pool has them.

        Args:
            state: which items earlier plans chose.
            budget: examples to ask for.
            tools: the seed.
            scores: of items, by id; items without one are not chosen. None if nothing is observed.
            by: what the scores are, in words.

        Raises:
            StageError: no item of the pool is left.
        """
        gone = set(state.chosen)
        left = [item for item in self.pool if item.id not in gone]
        if scores is not None:
            left = [item for item in left if item.id in scores]
        if not left:
            message = f"all {len(gone)} items of the pool that can be chosen were chosen before"
            raise StageError(message, help="draw a larger pool, or teach fewer examples")
        chosen = _highest(left, budget, scores, tools.random())
        wanted = []
        for start in range(0, len(chosen), self.per_request):
            likes = tuple(map(_like, chosen[start : start + self.per_request]))
            wanted.append(Wanted(count=len(likes), like=likes))
        reason = f"{len(chosen)} of {len(left)} items of the pool, at random: nothing is observed"
        if scores is not None:
            ends = [scores[item.id] for item in (chosen[0], chosen[-1])]
            reason = f"{len(chosen)} of {len(left)} items of the pool, by {by}: "
            reason += f"{ends[0]:.2f} to {ends[1]:.2f}"
        return OpenEndedAction(wanted=tuple(wanted), reasons={TASK: reason})


def _highest(
    items: Sequence[Item], count: int, scores: Mapping[str, float] | None, rng: random.Random
) -> list[Item]:
    shuffled = rng.sample(items, len(items))
    if scores is not None:
        shuffled.sort(key=lambda item: -scores[item.id])
    return shuffled[:count]


def _like(item: Item) -> Like:
    return Like(input=item.input, target=item.target, group=item.group, id=item.id)
