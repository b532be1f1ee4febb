"""The screen of a run, in terminals of several widths, and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from rich.console import Console

from dataenvgym_spec.cli.screen import screen
from dataenvgym_spec.records.run_state import FailedWork, RunningWork, RunState
from dataenvgym_spec.schedule.progress import Progress
from dataenvgym_spec.schedule.protocol import Finished, Work

NOW = 1000.0
RUNNING = (
    RunningWork(title="with-state, iteration 2/3, train", started=NOW - 72, expected=90),
    RunningWork(
        title="no-state, seed 1, iteration 1/3, evaluate on selection",
        started=NOW - 400,
        expected=40,
    ),
)
STATE = RunState(
    names=("quickstart",),
    process=1,
    started=0.0,
    updated=NOW,
    total=47,
    done=23,
    before=8,
    running=RUNNING,
    waiting=(
        "with-state, iteration 3/3, evaluate on selection",
        "no-state, iteration 2/3, plan",
        "a",
        "b",
    ),
    seconds_left=190.0,
    usd=0.124,
    failed=(FailedWork(title="blind, train", message="error: no number\n  = help: x"),),
    skipped=5,
)


def shown(state: RunState, width: int = 80) -> list[str]:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(screen(state, NOW, width))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_the_screen_in_eighty_columns() -> None:
    assert shown(STATE) == [
        "quickstart  ━━━━━━━━━━━━━━━━────────  23/47  0.12 USD  about 3 min left",
        "     1:12  with-state, iteration 2/3, train                             of ~1:30",
        "     6:40  no-state, seed 1, iteration 1/3, evaluate on selection",
        "     next  with-state, iteration 3/3, evaluate on selection",
        "           no-state, iteration 2/3, plan",
        "           a",
        "           and 13 steps after that",
        "   failed  blind, train: no number",
        "           5 steps not started for it",
    ]


@pytest.mark.parametrize("width", [40, 59, 60, 80, 200])
def test_no_line_is_longer_than_the_screen(width: int) -> None:
    running = tuple(
        RunningWork(title="t" * 300, started=0.0, expected=9999, place=f"node-{number}")
        for number in range(40)
    )
    state = RunState(
        names=("a" * 90, "b" * 90),
        process=1,
        started=0,
        updated=NOW,
        total=99,
        done=1,
        running=running,
        waiting=("w" * 300,),
    )
    lines = shown(state, width)
    assert max(map(len, lines)) <= width
    assert any("and 28 more that run" in line for line in lines)
    assert any("node-3" in line for line in lines)


@dataclass
class Ahead:
    """What lies ahead of a run."""

    works: list[Work] = field(default_factory=list)
    seconds: float = 0.0

    def upcoming(self, count: int) -> list[Work]:
        return self.works[:count]

    def way(self) -> float:
        return self.seconds


def work(name: str, seconds: float = 10, *experiments: str) -> Work:
    return Work(
        id=name, targets=(name,), title=name, seconds=seconds, experiments=experiments or ("x",)
    )


def test_progress_counts_and_foretells() -> None:
    clock = [0.0]
    works = [work(name) for name in "abcdefgh"]
    progress = Progress(
        ("x",), 2, lambda one: f"{one.id}.txt", lambda one, *, last: 0.5, lambda: clock[0]
    )
    progress.add(works, 4)
    progress.look(Ahead(works=works[4:], seconds=30))
    for number, one in enumerate(works[:4]):
        progress.started(one, "")
        # They take twice as long as expected.
        clock[0] += 20
        assert progress.state().seconds_left is None or number == 3
        if number < 3:
            progress.ended(Finished(work=one, code=0), again=False)
    state = progress.state()
    assert (state.done, state.before, state.total, state.usd) == (7, 4, 12, 2.0)
    assert [one.title for one in state.running] == ["d"]
    assert state.running[0].expected == 20
    # Five works of 20 s in two slots, of which 20 s are over; the way of 60 s is shorter than that, or not.
    assert state.seconds_left == pytest.approx(max((5 * 20 - 20) / 2, 60 - 20))
    progress.look(Ahead(seconds=100))
    assert progress.state().seconds_left == pytest.approx(200 - 20)

    progress.ended(Finished(work=works[3], code=137, fault=True), again=True)
    progress.started(works[3], "there")
    assert progress.state().running[0].place == "there"
    progress.ended(Finished(work=works[3], code=1, message="why"), again=False)
    progress.skipped_one(works[4])
    state = progress.state()
    assert [(one.title, one.message) for one in state.failed] == [("d", "why")]
    assert state.skipped == 1
    # A new round does the rest.
    progress.failed.clear()
    progress.add([*works[4:6], work("r", 1, "x", "y", "z")], 99)
    state = progress.state()
    assert (state.total, state.skipped, state.done) == (10, 0, 7)
    assert progress.title(work("r", 1, "x", "y", "z")) == "x (+2): r"
