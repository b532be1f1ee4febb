"""What an engine is: it executes a plan's requests and sees no split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.plans import Request


class Engine(Protocol):
    """Makes candidate examples.

    Where its definition has an option that names a teacher, it is constructed with the instance of
    that teacher. An engine whose definition says `"reads": "student"` is constructed
    with `student` and `base` too, and one that says `"reads": "pool"` with `pool`, as a policy is.
    An engine that asks a model may keep what it spent in `tokens`, by `prompt` and `generated`, and
    what became of its calls in `counts`, as it likes to call it; both are logged.
    """

    def generate(self, requests: Sequence[Request], tools: Tools) -> Iterator[Example]:
        """Candidates, request by request, more than are asked for if the engine expects losses.

        An example carries the skill of its request. Where it comes from is added by the executor;
        an engine that asks a model names what it asked (see `Provenance`).

        Args:
            requests: what is asked for, or in a refill what is still missing.
            tools: a seed, and what else it may use.
        """
