"""The works that wait for nothing but room."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from dataenvgym_spec.schedule.protocol import Needs, Work

PATIENCE: Final = 32
"""How many works may overtake one that comes first and does not fit.

After that, others wait that need what it lacks.
"""
RESOURCES: Final = ("cpus", "gpus", "memory")
NOTHING: Final = frozenset[str]()

Fits = Callable[[Work], bool]
"""Whether there is room for a work."""


class Ready:
    """The works that wait for nothing but room, a heap for each of their needs.

    Args of the constructor:
        works: all of them, the most urgent first; each is known by its place among them.
    """

    def __init__(self, works: Sequence[Work]) -> None:
        self._works = works
        self._heaps: dict[Needs, list[int]] = {}
        self._count = 0
        self._overtaken: dict[int, int] = {}
        """How many works have passed one that came first and did not fit."""

    def __bool__(self) -> bool:
        return self._count > 0

    def add(self, number: int) -> None:
        """Adds a work."""
        heap = self._heaps.setdefault(self._works[number].needs, [])
        heapq.heappush(heap, number)
        self._count += 1

    def renew(self, works: Sequence[Work]) -> None:
        """Takes other needs of the same works."""
        waiting = [number for heap in self._heaps.values() for number in heap]
        self._works, self._heaps, self._count = works, {}, 0
        for number in waiting:
            self.add(number)

    def take(self, fits: Fits) -> int | None:
        """Takes the first work that fits; None if none does that may overtake the first."""
        # There are few different needs, and thousands of works of each.
        heaps = [heap for heap in self._heaps.values() if heap]
        heaps.sort()  # a heap is a list whose first is the least
        firsts: dict[bool, int] = {}
        held_back: dict[bool, frozenset[str]] = {}
        for heap in heaps:
            work = self._works[heap[0]]
            # What stays here, and what goes to a cluster, do not take each other's room.
            place = work.needs.here
            first = firsts.setdefault(place, heap[0])
            is_held = not held_back.get(place, NOTHING).isdisjoint(_used(work.needs))
            if not is_held and fits(work):
                if heap[0] != first:
                    self._overtaken[first] = self._overtaken.get(first, 0) + 1
                return self._pop(heap)
            if heap[0] == first and self._overtaken.get(first, 0) >= PATIENCE:
                held_back[place] = _short(work, fits)
        return None

    def first(self, count: int) -> list[int]:
        """The first works, whether they fit or not."""
        firsts = (heapq.nsmallest(count, heap) for heap in self._heaps.values())
        return list(islice(heapq.merge(*firsts), count))

    def _pop(self, heap: list[int]) -> int:
        number = heapq.heappop(heap)
        self._overtaken.pop(number, None)
        self._count -= 1
        return number


def _used(needs: Needs) -> frozenset[str]:
    """The names of what a work needs anything of."""
    return frozenset(name for name in RESOURCES if getattr(needs, name))


def _short(work: Work, fits: Fits) -> frozenset[str]:
    """What there is too little of for a work: others leave that alone until it has started."""
    short = set()
    for name in RESOURCES:
        others = dict.fromkeys(RESOURCES, 0) | {name: getattr(work.needs, name)}
        alone = replace(work.needs, **others)
        if not fits(replace(work, needs=alone)):
            short.add(name)
    # There may be enough of each, and not in one place.
    return frozenset(short) or frozenset(RESOURCES)
