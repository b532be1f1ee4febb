"""What stays on the machine that drives a run, while others are done elsewhere: when it runs, and when it waits."""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.schedule.elsewhere import FULL, HERE, INTERRUPTED, Beside, News
from dataenvgym_spec.schedule.protocol import RUNS, Finished, Standing, Work

ONE, TWO, THREE = (Work(id=name, targets=(name,)) for name in ("one", "two", "three"))


class OneAtATime:
    """A machine with room for one work, which ends when it is asked for."""

    def __init__(self) -> None:
        self.running: list[Work] = []

    def fits(self, work: Work) -> bool:
        return not self.running

    def start(self, work: Work) -> Standing:
        assert self.fits(work)
        self.running.append(work)
        return RUNS

    def give_up(self, works: Sequence[Work]) -> None:
        raise AssertionError

    def news(self) -> Sequence[tuple[Work, Standing]]:
        return ()

    def finished(self, timeout: float | None = None) -> Finished | None:
        return Finished(work=self.running.pop(), code=0) if self.running else None

    def stop(self, *, now: bool) -> None:
        self.running.clear()


def test_what_has_no_room_waits_for_it() -> None:
    news, local = News(), OneAtATime()
    beside = Beside(local, news)
    assert [beside.start(work) for work in (ONE, TWO, THREE)] == [FULL] * 3
    assert news.take() == [(ONE, HERE)]
    assert len(beside) == 3
    local.running.clear()
    assert local.fits(THREE) and not beside.fits(THREE), "TWO comes first"
    local.running.append(ONE)
    assert [one.work for one in beside.ended()] == [ONE]
    assert news.take() == [(TWO, HERE)]
    (stopped,) = beside.stop(now=True)
    assert (stopped.work, stopped.code) == (THREE, INTERRUPTED)
    assert news.take() == []


def test_what_was_said_is_not_said_again() -> None:
    news, there = News(), Standing(place="there")
    news.said(ONE, FULL)
    news.tell(ONE, FULL)
    news.tell(ONE, there)
    news.tell(ONE, Standing(place="there", seconds=9))
    news.tell(TWO, there)
    assert news.take() == [(ONE, there), (TWO, there)]
    news.tell(ONE, FULL)
    assert news.take() == [(ONE, FULL)]
