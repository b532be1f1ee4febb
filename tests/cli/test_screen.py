"""The screen of a run, in terminals of several widths, and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace as changed
from rich.console import Console

from dataenvgym_spec.cli.screen import screen
from dataenvgym_spec.records.run_state import FailedWork, RunningWork, RunState, WaitingWork
from dataenvgym_spec.schedule.progress import Progress
from dataenvgym_spec.schedule.protocol import RUNS, Finished, Standing, Work
from tests.support.pages import blocks
from tests.support.repositories import ROOT

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


def test_what_others_wrote_is_shown_and_not_obeyed() -> None:
    bad = "a\x1b]0;title\x07\x1b[2J\u202eb"
    state = changed(
        STATE,
        names=(bad,),
        running=(RunningWork(title=bad, started=NOW, expected=9, place=bad),),
        queued=(WaitingWork(title=bad, since=NOW, reason=bad),),
        waiting=(bad,),
        failed=(FailedWork(title=bad, message=f"error: {bad}", place=bad),),
    )
    lines = shown(state, width=300)
    assert all(line.isprintable() for line in lines)
    assert "\n".join(lines).count(r"a\x1b]0;title\x07\x1b[2J\u202eb") == 9


def shown_in(page: str) -> list[str]:
    """The screen that a page of documentation shows."""
    (text,) = [text for language, text in blocks(ROOT / "docs" / page) if language == "screen"]
    return text.splitlines()


def test_the_screen_of_the_page_on_jobs() -> None:
    running = (
        RunningWork(title="with-state, iteration 2/3, train", started=NOW - 72, expected=90),
        RunningWork(
            title="no-state, iteration 1/3, evaluate on selection", started=NOW - 3, expected=40
        ),
    )
    state = changed(STATE, running=running, waiting=STATE.waiting[:2], failed=(), skipped=0)
    assert shown(state) == shown_in("jobs.md")


def test_the_screen_of_the_page_on_clusters() -> None:
    running = (
        RunningWork(
            title="with-state, iteration 2/3, train", started=NOW - 72, expected=90, place="node1"
        ),
        RunningWork(
            title="no-state, iteration 1/3, generate",
            started=NOW - 3,
            expected=40,
            place="this machine",
        ),
    )
    queued = tuple(
        WaitingWork(
            title=f"no-state, seed {seed}, iteration 1/3, train",
            since=NOW - 40,
            reason="in Slurm: Resources",
        )
        for seed in range(1, 5)
    )
    state = changed(STATE, running=running, queued=queued, all_queued=12, unpriced=1)
    state = changed(state, waiting=STATE.waiting[:1], failed=(), skipped=0)
    assert shown(state) == shown_in("clusters.md")


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
        queued=tuple(
            WaitingWork(title="q" * 300, since=0.0, reason="in Slurm: " + "r" * length)
            for length in (0, 20, 300)
        ),
        waiting=("w" * 300,),
    )
    lines = shown(state, width)
    assert max(map(len, lines)) <= width
    assert any("and 28 more that run" in line for line in lines)
    assert any("node-3" in line for line in lines)


def test_a_cluster_on_the_screen() -> None:
    running = (
        RunningWork(title="with-state, train", started=NOW - 72, expected=90, place="node1"),
        RunningWork(title="no-state, plan", started=NOW - 3, expected=0, place="this machine"),
    )
    queued = tuple(
        WaitingWork(title=f"seed {number}, train", since=NOW - 60, reason="in Slurm: Resources")
        for number in range(5)
    )
    failed = FailedWork(title="blind, train", message="no number", place="node2")
    state = changed(
        STATE, running=running, all_running=2, queued=queued, all_queued=30, failed=(failed,)
    )
    state = changed(state, waiting=(), skipped=0, usd=0.0, unpriced=2, seconds_left=None)
    assert shown(state, 90) == [
        "quickstart  ━━━━━━━━━━━━━───────────  23/47  USD not known yet  16:40",
        "     1:12  node1         with-state, train                                        of ~1:30",
        "     0:03  this machine  no-state, plan",
        *[
            f"    waits  seed {number}, train{' ' * 41}in Slurm: Resources, 1:00"
            for number in range(4)
        ],
        "           and 26 more that wait",
        "   failed  blind, train on node2: no number",
    ]
    assert "  0.12+ USD  " in shown(changed(state, usd=0.124))[0]


@dataclass
class Ahead:
    """What lies ahead of a run."""

    works: list[Work] = field(default_factory=list)
    seconds: float = 0.0
    crowded: bool = False

    def upcoming(self, count: int) -> list[Work]:
        return self.works[:count]

    def way(self) -> float:
        return self.seconds

    def is_crowded(self) -> bool:
        return self.crowded


def work(name: str, seconds: float = 10, *experiments: str) -> Work:
    return Work(
        id=name, targets=(name,), title=name, seconds=seconds, experiments=experiments or ("x",)
    )


def test_progress_counts_and_foretells() -> None:
    clock = [0.0]
    works = [work(name) for name in "abcdefgh"]
    progress = Progress(
        ("x",), 2, lambda one: f"{one.id}.txt", lambda one, seconds, *, last: 0.5, lambda: clock[0]
    )
    progress.add(works, 4)
    progress.look(Ahead(works=works[4:], seconds=30))
    for number, one in enumerate(works[:4]):
        progress.started(one, RUNS)
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
    progress.started(works[3], Standing(place="there"))
    assert progress.state().running[0].place == "there"
    progress.ended(Finished(work=works[3], code=1, message="why"), again=False)
    progress.skipped_one(works[4])
    state = progress.state()
    assert [(one.title, one.message, one.place) for one in state.failed] == [("d", "why", "there")]
    assert state.skipped == 1
    # A new round does the rest.
    progress.failed.clear()
    progress.add([*works[4:6], work("r", 1, "x", "y", "z")], 99)
    state = progress.state()
    assert (state.total, state.skipped, state.done) == (10, 0, 7)
    assert progress.title(work("r", 1, "x", "y", "z")) == "x (+2): r"


def test_what_waits_on_a_cluster_neither_runs_nor_counts_in_the_pace() -> None:
    clock = [0.0]

    def passes(seconds: float) -> None:
        """Half a second at a time, as a run looks on."""
        for _ in range(round(2 * seconds)):
            clock[0] += 0.5
            progress.look(ahead)

    def ends(*names: str) -> None:
        for name in names:
            progress.ended(Finished(work=works[name], code=0, place="n"), again=False)

    works = {name: work(name) for name in "abcdefghij"}
    ahead, queue, node = (
        Ahead(seconds=10),
        Standing(waits="in Slurm: Priority"),
        Standing(place="n"),
    )
    # Nobody can tell how many jobs a cluster runs at once.
    progress = Progress(("x",), 0, lambda one: one.id, lambda *_, last: None, lambda: clock[0])
    progress.add([*works.values()], 0)
    for name in "abcdef":
        progress.started(works[name], queue)
    passes(100)
    state = progress.state()
    assert (state.all_running, state.all_queued, state.running, state.unpriced) == (0, 6, (), 0)
    assert {(one.reason, one.since) for one in state.queued} == {("in Slurm: Priority", 0.0)}
    assert progress.took(works["a"]) is None
    for name in "abcd":
        progress.moved(works[name], node)
    passes(20)
    state = progress.state()
    assert {(one.place, one.started) for one in state.running} == {("n", 100.0)}
    assert (state.all_running, state.all_queued, state.unpriced) == (4, 2, 4)
    # One is put back into the queue, one has been running for longer than was heard.
    progress.moved(works["d"], queue)
    assert progress.took(works["d"]) is None
    progress.moved(works["e"], Standing(place="n", seconds=15))
    assert progress.took(works["e"]) == 15
    ends("a", "b", "c")
    passes(5)
    # They took twice as long as expected: of 7 x 20 s this one has done 20, and 4 ran at once, then 1.
    assert progress.state().seconds_left == pytest.approx((140 - 20) / ((4 * 20 + 1 * 5) / 25))
    ends("e")
    assert progress.state().seconds_left is None, "nothing runs, and the queue says no time"
    # One that was never seen to run has no time; the pace is what it was.
    ends("d", "f")
    progress.started(works["g"], RUNS)
    assert progress.state().running[0].expected == pytest.approx(10 * (60 + 20) / 40)
