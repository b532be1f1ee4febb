"""A policy for the open-ended environment that teaches what the student got wrong."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import ceil
from typing import Literal

from dataenvgym_spec.gym.environments.open_ended import OpenEndedAction, OpenEndedState, Wanted
from dataenvgym_spec.gym.policies.fixed_prompt import unseen
from dataenvgym_spec.gym.sharing import share_out
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.plans import TASK, ShownError

Mode = Literal["batched", "one-by-one"]


class FromErrors:
    """Shows the student's errors, with its answers and the right ones, in the prompts."""

    def __init__(self, *, mode: Mode, per_prompt: int) -> None:
        self.mode, self.per_prompt = mode, per_prompt

    def act(self, state: OpenEndedState, budget: int, tools: Tools) -> OpenEndedAction:
        """Shares `budget` examples among prompts that show errors.

        >>> errors = [ShownError(id=n, input=n, target="1", prediction="2") for n in "abc"]
        >>> state = OpenEndedState(errors=tuple(errors), per_request=2)
        >>> policy = FromErrors(mode="one-by-one", per_prompt=2)
        >>> [wanted.count for wanted in policy.act(state, 5, Tools(seed=0)).wanted]
        [2, 2, 1]
        """
        if state.errors is None:
            return unseen(budget, "no errors observed: the fixed prompt")
        if not state.errors:
            return unseen(budget, "the student made no error: the fixed prompt")
        rng = tools.random()
        shown = self._shown(state, budget, rng)
        counts = _amounts(len(shown), self.per_prompt, budget)
        wanted = [Wanted(count=count, show=show) for count, show in zip(counts, shown, strict=True)]
        reason = f"{len(shown)} prompts on {len(state.errors)} errors"
        return OpenEndedAction(wanted=tuple(wanted), reasons={TASK: reason})

    def _shown(
        self, state: OpenEndedState, budget: int, rng: random.Random
    ) -> list[tuple[str, ...]]:
        """The errors of each prompt."""
        assert state.errors is not None
        prompts = ceil(budget / self.per_prompt)
        if self.mode == "one-by-one":
            chosen = _shuffled(state.errors, rng)[:prompts]
            return [(name,) for name in chosen]
        size = min(max(state.per_request, 1), len(state.errors))
        return _hands(state.errors, prompts, size, rng)


def _amounts(prompts: int, most: int, budget: int) -> list[int]:
    """What each prompt asks for: `most`, the last one what is left; more if that is too little."""
    if prompts * most >= budget:
        return [min(most, budget - number * most) for number in range(prompts)]
    even = {f"{number:09d}": 1.0 for number in range(prompts)}
    return list(share_out(even, budget).values())


def _hands(
    errors: Sequence[ShownError], count: int, size: int, rng: random.Random
) -> list[tuple[str, ...]]:
    """So many hands of errors, dealt from a shuffled deck that is shuffled again when it is out.

    No error is shown again before all were, and none twice in one prompt.
    """
    hands: list[tuple[str, ...]] = []
    deck: list[str] = []
    for _ in range(count):
        hand: list[str] = []
        while len(hand) < size:
            if not deck:
                deck = _shuffled(errors, rng)
            # A new deck may begin with what the hand holds already.
            place = next((n for n, name in enumerate(deck) if name not in hand), None)
            if place is None:
                deck = []
                continue
            hand.append(deck.pop(place))
        hands.append(tuple(hand))
    return hands


def _shuffled(errors: Sequence[ShownError], rng: random.Random) -> list[str]:
    return rng.sample([error.id for error in errors], len(errors))
