"""Keeps what a student answers while a stage goes on, so that a kill costs a minute of it.

What is kept lies in the scratch of the stage, or beside its shards where one of these is made, and
is written only while the stage reads what it was begun with. An attempt after it uses what was made
from the same inputs, by the same releases, on the same hardware: then an evaluation that was killed
writes what one that was not killed writes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

from dataenvgym_spec.execute.shards.kept import Answer, Gathered, Say, Shards
from dataenvgym_spec.gym.students.backends.protocol import Completion

T = TypeVar("T")

MANY: Final = 32
"""Groups that are asked at once, at first, of a model that begins a prompt as another one ends:
what waits for the last prompts of so many is little."""


class Keeper:
    """Writes down what is answered, a file for about every period.

    Args of the constructor:
        kept: where, of which stage, and from which inputs.
        prompts: how many each student is asked in the stage.
        verify: raises if the inputs are not what they were.
        period: seconds of work between two files, which a kill costs at most, but for the groups
            that are asked at that moment.
        clock: seconds.
    """

    def __init__(
        self,
        kept: Shards,
        prompts: int,
        verify: Callable[[], None],
        *,
        period: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kept, self._prompts, self._verify = kept, prompts, verify
        self._period, self._clock = period, clock
        self._facts: Mapping[str, Any] = {}
        self._since = clock()
        self._rows: list[Answer] = []
        self._before: Gathered | None = None

    def before(self, facts: Mapping[str, Any], say: Say) -> Gathered | None:
        """What an attempt before has kept; None if that was asked for already.

        Args:
            facts: what the model runs on, which is loaded.
            say: hears of what cannot be used.
        """
        self._facts = facts
        if not self._rows:
            self._since = self._clock()
        if self._before is not None:
            return None
        self._before = self._kept.answers(self._prompts, say, facts=facts)
        return self._before

    def of(self, student: int | None) -> Mapping[int, Completion]:
        """What a student has answered in an attempt before, by places."""
        return {} if self._before is None else self._before.of(student)

    def add(self, student: int | None, written: Mapping[int, Completion]) -> None:
        """Takes in what a student has answered, by places. What is short may stay in memory.

        Raises:
            StageError: what the stage reads has changed meanwhile.
        """
        self._rows += [(student, place, completion) for place, completion in written.items()]
        spent = self._clock() - self._since
        if spent < self._period:
            return
        self._verify()
        seconds = {"generate": round(spent, 3), "total": round(spent, 3)}
        # A disk that is full ends the stage where its result does not fit, and not before.
        with suppress(OSError):
            self._kept.keep(self._rows, prompts=self._prompts, facts=self._facts, seconds=seconds)
            self._rows, self._since = [], self._clock()

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
