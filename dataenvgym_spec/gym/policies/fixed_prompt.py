"""A policy for the open-ended environment that looks at nothing."""

from __future__ import annotations

from dataenvgym_spec.gym.environments.open_ended import OpenEndedAction, OpenEndedState, Wanted
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.plans import TASK


class FixedPrompt:
    """Asks for all examples at once, with nothing of the student in the prompt."""

    def act(self, state: OpenEndedState, budget: int, tools: Tools) -> OpenEndedAction:
        """One request for everything.

        >>> FixedPrompt().act(OpenEndedState(), 10, Tools(seed=0)).wanted[0].count
        10
        """
        return unseen(budget, "the fixed prompt")


def unseen(budget: int, reason: str) -> OpenEndedAction:
    """What a policy does that sees no error: one request for everything."""
    return OpenEndedAction(wanted=(Wanted(count=budget),), reasons={TASK: reason})
