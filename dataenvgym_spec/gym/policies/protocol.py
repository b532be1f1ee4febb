"""What a policy is: it sees the state of its environment and decides what to generate."""

from __future__ import annotations

from typing import Protocol, TypeVar

from dataenvgym_spec.gym.environments.protocol import Action, State
from dataenvgym_spec.gym.tools import Tools

S_contra = TypeVar("S_contra", bound=State, contravariant=True)
A_co = TypeVar("A_co", bound=Action, covariant=True)


class Policy(Protocol[S_contra, A_co]):
    """Decides what to generate, in one environment or in several.

    A policy whose definition says `"reads": "student"` is constructed with `student`, the folder of
    the latest student, and `base`, the folder of the model that it adapts, or None. One that says
    `"reads": "pool"` is constructed with `pool`, the list of the items of that split, and one that
    says `"reads": "pool-results"` with `results` too: the latest student's answers to them, or None
    in an arm that observes nothing.
    """

    def act(self, state: S_contra, budget: int, tools: Tools) -> A_co:
        """The action of one iteration.

        Args:
            state: what the environment made of what the arm may observe.
            budget: examples to ask for in all.
            tools: a seed, and what else it may use.
        """
