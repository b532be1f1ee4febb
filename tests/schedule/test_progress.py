"""How a run stands; what is said of it on a screen is in `tests/cli/test_screen.py`."""

from __future__ import annotations

import random
from typing import cast

from dataenvgym_spec.schedule.progress import Progress
from dataenvgym_spec.schedule.protocol import Finished, Standing, Work


class Asked:
    """Where a work stands; counts how often it is asked whether that waits."""

    place, seconds, times = "", 0.0, 0

    @property
    def waits(self) -> str:
        Asked.times += 1
        return ""


class Ahead:
    """What lies ahead: more than there is room for."""

    def upcoming(self, _count: int) -> list[Work]:
        return []

    def way(self) -> float:
        return 0.0

    def is_crowded(self) -> bool:
        return True


def progress_of(works: list[Work]) -> Progress:
    progress = Progress(("x",), 0, lambda one: one.id, lambda *_, last: 0.0, lambda: 0.0)
    progress.add(works, 0)
    return progress


def test_a_look_costs_the_same_beside_many_that_run() -> None:
    """There is one after each event, so a thousand that run would have a thousand looked at each time."""
    works = [Work(id=str(number), targets=()) for number in range(1000)]
    progress, asked = progress_of(works), []
    for count in (10, 1000):
        for work in works[len(progress._started) : count]:
            progress.started(work, cast(Standing, Asked()))
        before = Asked.times
        progress.look(Ahead())
        asked.append(Asked.times - before)
    assert asked[0] == asked[1]
    assert progress.state().all_running == 1000


def test_those_that_run_are_counted_whatever_happens_to_them() -> None:
    chance = random.Random(0)
    works = [Work(id=str(number), targets=()) for number in range(12)]
    progress, begun = progress_of(works), dict[str, Work]()
    stands = (Standing(), Standing(place="n"), Standing(waits="for Slurm"), Standing(waits="x"))
    for _ in range(500):
        work, standing = chance.choice(works), chance.choice(stands)
        if work.id not in begun:
            progress.started(work, standing)
            begun[work.id] = work
        elif chance.random() < 0.5:
            progress.moved(work, standing)
        else:
            again = chance.random() < 0.5
            progress.ended(Finished(work=begun.pop(work.id), code=0), again=again)
        progress.moved(Work(id="nobody", targets=()), standing)
        state = progress.state()
        assert (state.all_running, state.all_queued) == (
            progress.running,
            len(begun) - progress.running,
        )
