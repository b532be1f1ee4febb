"""What a runner is: it runs stages, on this machine or elsewhere.

Which stages it runs, and when, is decided in `order`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Stages that are run one after the other, up to the first that fails.

    Attributes:
        id: its name among the works of one run.
        targets: the stages as DVC names them, in their order.
        after: the works that must have been done before it starts.
    """

    id: str
    targets: tuple[str, ...]
    after: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A work that ended.

    Attributes:
        code: the exit code; 0 if all of its stages are done.
    """

    work: Work
    code: int


class Runner(Protocol):
    """Runs works."""

    slots: int
    """How many works it runs at once."""

    def start(self, work: Work) -> None:
        """Starts a work and returns at once; never more than `slots` are running.

        What is started does not outlive this process, and the results of a stage that was done are
        there for the stages of later works.
        """

    def finished(self) -> Finished:
        """Waits until one of the works that are running has ended.

        An interrupt of the user ends all that are running.
        """
