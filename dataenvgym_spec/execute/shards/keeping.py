"""Keeps what a student answers while a stage goes on, so that a kill costs a minute of it.

What is kept lies beside the shards of the stage in the same form, each file held against the key,
the inputs and the releases before anything in it is used.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

from dataenvgym_spec.execute.shards.kept import Answer, Shards
from dataenvgym_spec.gym.students.backends.protocol import Completion

T = TypeVar("T")

MANY: Final = 32
"""Groups that are asked at once, at first, of a model that begins a prompt as another one ends:
what waits for the last prompts of so many is little."""


class Keeper:
    """Writes down what is answered, a file for about every period.

    Args of the constructor:
        shards: those of the stage.
        prompts: how many each student is asked in the stage.
        facts: what the model runs on, as a log says it.
        period: seconds of work between two files, which a kill costs at most, but for the groups
            that are asked at that moment.
        part: the name of the shard that is being made, if it is one.
        clock: seconds.
    """

    def __init__(
        self,
        shards: Shards,
        prompts: int,
        facts: Callable[[], Mapping[str, Any]],
        *,
        period: float,
        part: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shards, self._prompts, self._facts, self._part = shards, prompts, facts, part
        self._period, self._clock = period, clock
        self._since = clock()
        self._rows: list[Answer] = []

    def start(self) -> None:
        """Begins to count the time, with a student that is loaded."""
        self._since = self._clock()
        self._rows = []

    def add(self, student: int | None, written: Mapping[int, Completion]) -> None:
        """Takes in what a student has answered, by places. What is short may stay in memory."""
        self._rows += [(student, place, completion) for place, completion in written.items()]
        spent = self._clock() - self._since
        if spent < self._period:
            return
        seconds = {"generate": round(spent, 3), "total": round(spent, 3)}
        # A disk that is full ends the stage where its result does not fit, and not before.
        with suppress(OSError):
            self._shards.keep(
                self._rows,
                part=self._part,
                prompts=self._prompts,
                facts=self._facts(),
                seconds=seconds,
            )
        self.start()

    def steps(self, groups: Sequence[T], first: int) -> Iterator[Sequence[T]]:
        """Groups, as many at once as take about a period; each further step at most doubles them.

        Args:
            groups: what is asked.
            first: how many at first.
        """
        done, count = 0, first
        while done < len(groups):
            taken = groups[done : done + count]
            start = self._clock()
            yield taken
            done += len(taken)
            each = (self._clock() - start) / len(taken)
            fitting = int(self._period / each) if each > 0 else 2 * count
            count = max(first, min(2 * count, fitting))
