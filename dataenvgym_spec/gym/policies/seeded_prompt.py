"""A policy for the open-ended environment whose prompt shows real items."""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.environments.open_ended import OpenEndedAction, OpenEndedState, Wanted
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import TASK, Like


class SeededPrompt:
    """Asks for all examples at once, like some of the pool."""

    def __init__(self, *, pool: Sequence[Item], pool_items: int) -> None:
        self.pool, self.pool_items = pool, pool_items

    def act(self, state: OpenEndedState, budget: int, tools: Tools) -> OpenEndedAction:
        """One request for everything.

        >>> item = Item(id="1", input="1 + 1", target="2", group="g", cluster="1")
        >>> policy = SeededPrompt(pool=[item], pool_items=1)
        >>> action = policy.act(OpenEndedState(), 10, Tools(seed=0))
        >>> [like.input for like in action.wanted[0].like]
        ['1 + 1']

        Raises:
            StageError: the pool has fewer items than the prompt shows.
        """
        if len(self.pool) < self.pool_items:
            message = f"the prompt shows {self.pool_items} items, and the pool has {len(self.pool)}"
            raise StageError(message, help="draw a larger pool, or show fewer items")
        drawn = tools.random().sample(self.pool, self.pool_items)
        like = tuple(map(_like, drawn))
        wanted = (Wanted(count=budget, like=like),)
        return OpenEndedAction(wanted=wanted, reasons={TASK: f"like {len(like)} of the pool"})


def _like(item: Item) -> Like:
    return Like(
        input=item.input,
        target=item.target,
        group=item.group,
        before=item.before,
        tools=item.tools,
    )
