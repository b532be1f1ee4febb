"""Jobs that are to end before their time: Slurm is told so until it has heard of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.schedule.slurm import commands
from dataenvgym_spec.schedule.slurm.arrays import Place
from dataenvgym_spec.schedule.slurm.commands import Unanswered
from dataenvgym_spec.schedule.slurm.queue import Queue
from dataenvgym_spec.setup.hardware.leases import is_taken_over

AGAIN: Final = 2.0
"""Seconds after which Slurm is told again what it has not heard."""


class Ending:
    """Ends jobs of a run.

    Args of the constructor:
        queue: in which they are.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._jobs: dict[str, Place | None] = {}
        """Those that Slurm has not heard of, by their works' ids."""
        self._told = 0.0
        self.now = False
        """Whether they are killed; otherwise they have Slurm's `KillWait` to end."""

    @property
    def is_heard(self) -> bool:
        """Whether Slurm has heard of all that are to end."""
        return not self._jobs

    def add(self, jobs: Mapping[str, Place | None]) -> None:
        """Ends jobs.

        Args:
            jobs: by their works' ids; None where Slurm may have taken one without an answer.
        """
        self._jobs |= jobs
        self.tell()

    def again(self) -> bool:
        """Tells Slurm again what it has not heard, not too often; whether it has by now."""
        if time.monotonic() - self._told >= AGAIN:
            self.tell()
        return self.is_heard

    def tell(self) -> None:
        """Tells Slurm, if there is anything to tell, and if it answers.

        A run that was taken for dead, and wakes, leaves its jobs to the one that has its place.
        """
        if self.is_heard:
            return
        self._told = time.monotonic()
        taken_over = is_taken_over(self._queue.layout, "run")
        if taken_over or (self._tell_known() and self._tell_unknown()):
            self._jobs.clear()

    def _tell_known(self) -> bool:
        """Ends the jobs that have a number; whether Slurm has heard of that."""
        places = [place for place in self._jobs.values() if place is not None]
        return commands.cancel(places, now=self.now)

    def _tell_unknown(self) -> bool:
        """Ends the others, as far as they are there; whether Slurm has heard of that."""
        names = {name for name, place in self._jobs.items() if place is None}
        if not names:
            return True
        try:
            there = self._queue.there()
        except Unanswered:
            return False
        except StageError:  # it refuses to say, and would again
            return True
        return commands.cancel([there[name] for name in names & there.keys()], now=self.now)
