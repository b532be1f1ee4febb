"""A policy of active learning: it asks for the items of the pool that the student gets wrong."""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.gym.checks.protocol import rates_of
from dataenvgym_spec.gym.environments.open_ended import OpenEndedAction, OpenEndedState
from dataenvgym_spec.gym.policies.choosing import Chooser
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.items import Item


class Mistaken:
    """Chooses by the part of the student's answers to an item that are wrong.

    What is wrong is said by the pool's own answers: an arm that counts labels has to count these.
    """

    def __init__(
        self, *, pool: Sequence[Item], results: Sequence[Result] | None, per_request: int
    ) -> None:
        self.chooser, self.results = Chooser(pool, per_request), results

    def act(self, state: OpenEndedState, budget: int, tools: Tools) -> OpenEndedAction:
        """Requests for the items that most answers are wrong to.

        Raises:
            StageError: no item of the pool is left.
        """
        scores = None
        if self.results is not None:
            scores = {id: 1 - rate for (id, _), rate in rates_of(self.results).items()}
        return self.chooser.choose(state, budget, tools, scores, "wrong answers of the student")
