"""Works of equal shape as tasks of one array job, so that hundreds of them are a few submissions.

All tasks of an array have one dependency, in Slurm's words. `afterok` is about some job or task
that all of them wait for; `aftercorr` has each wait for the task of its own number in another
array. Whatever can be said so, and no work waits for more than it has to, is one array. Pure.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dataenvgym_spec.schedule.protocol import Work


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A job, or a task of an array.

    >>> str(Place("12")), str(Place("12", 3))
    ('12', '12_3')

    Attributes:
        job: its number.
        task: the task's in the array; None of a job that is none.
    """

    job: str
    task: int | None = None

    def __str__(self) -> str:
        return self.job if self.task is None else f"{self.job}_{self.task}"

    @classmethod
    def parse(cls, text: str) -> Place:
        """What Slurm calls a job."""
        job, _, task = text.partition("_")
        return cls(job, int(task) if task else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is submitted at once.

    Attributes:
        works: one for a job of its own, or the tasks of an array.
        tasks: the numbers of the tasks; None for a job of its own.
        after: what all wait for.
        along: the arrays of which each task waits for the one of its number.
    """

    works: tuple[Work, ...]
    tasks: tuple[int, ...] | None = None
    after: tuple[Place, ...] = ()
    along: tuple[str, ...] = ()

    def dependency(self) -> str:
        """What Slurm is told of it; empty for nothing.

        >>> Batch(works=(), after=(Place("7"), Place("9", 3)), along=("12",)).dependency()
        'afterok:7:9_3,aftercorr:12'
        """
        terms = []
        if self.after:
            terms.append(f"afterok:{':'.join(map(str, self.after))}")
        if self.along:
            terms.append(f"aftercorr:{':'.join(self.along)}")
        return ",".join(terms)

    def halves(self) -> tuple[Batch, Batch]:
        """Two batches of half of the works each, of which there are several.

        >>> one = Batch(works=(Work(id="a", targets=()), Work(id="b", targets=())), tasks=(3, 5))
        >>> [(half.works[0].id, half.tasks) for half in one.halves()]
        [('a', (3,)), ('b', (5,))]
        """
        middle = len(self.works) // 2
        first, second = (
            replace(self, works=self.works[part], tasks=self.tasks and self.tasks[part])
            for part in (slice(middle), slice(middle, None))
        )
        return first, second


Shape = Callable[[Work], Hashable]
"""Works of one shape can be tasks of one array."""
After = frozenset[Place]
"""What a work waits for."""
Signature = tuple[tuple[Place, ...], tuple[str, ...]]
"""What an array waits for: in all its tasks, and along which arrays."""


def levels(works: Sequence[Work]) -> Iterator[list[Work]]:
    """Works in steps: each waits for none of its own step or of a later one.

    Args:
        works: in an order in which each comes after those that it waits for.
    """
    level: dict[str, int] = {}
    steps: dict[int, list[Work]] = defaultdict(list)
    for work in works:
        before = (level[name] for name in work.after if name in level)
        level[work.id] = 1 + max(before, default=-1)
        steps[level[work.id]].append(work)
    yield from (steps[number] for number in sorted(steps))


class Arranger:
    """Finds arrays.

    Args of the constructor:
        shape: tells which works can be together.
        most: tasks of an array, whose numbers are all below that.
    """

    def __init__(self, shape: Shape, most: int) -> None:
        self.shape, self.most = shape, most
        self._free = 0
        """The first number that no array has yet which is along no other."""

    def batches(self, works: Iterable[Work], places: Mapping[str, Place]) -> Iterator[Batch]:
        """How works are submitted that do not wait for each other.

        Args:
            works: the works.
            places: of what they wait for; what is not there they do not wait for.
        """
        shapes: dict[Hashable, dict[After, list[Work]]] = defaultdict(lambda: defaultdict(list))
        for work in works:
            after = frozenset(places[name] for name in work.after if name in places)
            shapes[self.shape(work)][after].append(work)
        for alike in shapes.values():
            yield from self._arranged(alike)

    def _arranged(self, alike: Mapping[After, list[Work]]) -> Iterator[Batch]:
        """Works of one shape, by what they wait for; what brings the most together comes first."""
        lanes = _lanes(alike)
        options: list[tuple[float, int, Signature | After]] = []
        for signature in lanes:
            options.append((-_worth(lanes[signature], alike), len(options), signature))
        for after, same in alike.items():
            options.append((-float(len(same)), len(options), after))
        heapq.heapify(options)
        left = dict(alike)
        while options:
            worth, order, option = heapq.heappop(options)
            if isinstance(option, frozenset):
                yield from self._fan(option, left.pop(option, []))
                continue
            mine = {lane: after for lane, after in lanes[option].items() if after in left}
            if len(mine) < 2:
                continue
            if _worth(mine, left) < -worth:  # others have taken some of it
                heapq.heappush(options, (-_worth(mine, left), order, option))
                continue
            yield from _along(option, {lane: left.pop(after) for lane, after in mine.items()})

    def _fan(self, after: After, works: Sequence[Work]) -> Iterator[Batch]:
        """Works that wait for the same.

        Each array has numbers of its own, as far as there are any: those behind two of them are
        along the one, and are not taken for being along the other as well.
        """
        places = tuple(sorted(after))
        for start in range(0, len(works), self.most):
            part = tuple(works[start : start + self.most])
            if len(part) == 1:
                yield Batch(works=part, after=places)
                continue
            if self._free + len(part) > self.most:
                self._free = 0
            tasks = tuple(range(self._free, self._free + len(part)))
            self._free += len(part)
            yield Batch(works=part, tasks=tasks, after=places)


def _lanes(alike: Iterable[After]) -> dict[Signature, dict[int, After]]:
    """The ways in which works can be tasks along arrays, each with what works wait for by task."""
    found: dict[Signature, dict[int, After]] = defaultdict(dict)
    for after in alike:
        for lane in sorted({place.task for place in after if place.task is not None}):
            found[_signature(after, lane)][lane] = after
    return {signature: lanes for signature, lanes in found.items() if len(lanes) > 1}


def _signature(after: After, lane: int) -> Signature:
    along = sorted(place.job for place in after if place.task == lane)
    others = sorted(place for place in after if place.task != lane)
    return tuple(others), tuple(along)


def _worth(lanes: Mapping[int, After], alike: Mapping[After, Sequence[Work]]) -> float:
    """How many works an array has on average, along others."""
    counts = [len(alike[after]) for after in lanes.values()]
    return sum(counts) / max(counts)


def _along(signature: Signature, lanes: Mapping[int, list[Work]]) -> Iterator[Batch]:
    """Arrays along others: as many as the most works that wait for the same."""
    others, along = signature
    for number in range(max(map(len, lanes.values()))):
        column = {lane: same[number] for lane, same in sorted(lanes.items()) if number < len(same)}
        if len(column) > 1:
            tasks, works = tuple(column), tuple(column.values())
            yield Batch(works=works, tasks=tasks, after=others, along=along)
            continue
        ((lane, work),) = column.items()
        yield Batch(works=(work,), after=(*others, *(Place(job, lane) for job in along)))
