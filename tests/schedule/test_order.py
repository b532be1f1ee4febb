"""Works in their order: readiness, slots and failures, with a runner that finishes what it is told to."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dataenvgym_spec.schedule.order import carry_out
from dataenvgym_spec.schedule.protocol import Finished, Work


class Listed:
    """Keeps what it starts; of what is running the latest ends first."""

    def __init__(self, slots: int, codes: Mapping[str, int] | None = None) -> None:
        self.slots, self.codes = slots, codes or {}
        self.running: list[Work] = []
        self.events: list[str] = []

    def start(self, work: Work) -> None:
        self.running.append(work)
        assert len(self.running) <= self.slots
        self.events.append(f"+{work.id}")

    def finished(self) -> Finished:
        work = self.running.pop()
        self.events.append(f"-{work.id}")
        return Finished(work=work, code=self.codes.get(work.id, 0))


def work(name: str, *after: str) -> Work:
    return Work(id=name, targets=(name,), after=frozenset(after))


DIAMOND = (work("a"), work("b", "a"), work("c", "a"), work("d", "b", "c"), work("e"))


@pytest.mark.parametrize(
    ("slots", "events"),
    [
        (1, "+a -a +b -b +c -c +d -d +e -e"),
        (2, "+a +e -e -a +b +c -c -b +d -d"),
        (9, "+a +e -e -a +b +c -c -b +d -d"),
    ],
)
def test_a_work_starts_once_those_before_it_are_done_and_a_slot_is_free(
    slots: int, events: str
) -> None:
    runner = Listed(slots)
    assert carry_out(DIAMOND, runner) == 0
    assert " ".join(runner.events) == events


def test_after_a_failure_nothing_starts_and_what_runs_is_waited_for() -> None:
    runner = Listed(2, {"c": 3, "b": 4})
    assert carry_out(DIAMOND, runner) == 3
    assert " ".join(runner.events) == "+a +e -e -a +b +c -c -b"


def test_nothing_to_do_and_what_can_never_start() -> None:
    assert carry_out((), Listed(1)) == 0
    with pytest.raises(ValueError, match="can never start: y, z"):
        carry_out((work("x"), work("y", "z"), work("z", "y")), Listed(1))
