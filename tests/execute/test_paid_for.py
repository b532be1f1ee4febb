"""A stage that asks a teacher, as DVC runs it: nothing that was paid for is lost, nor paid for twice, and no secret is kept."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import LimitReached, StageError
from dataenvgym_spec.emit.write import write
from dataenvgym_spec.execute.replica import replicate
from dataenvgym_spec.execute.run import run_stage
from dataenvgym_spec.questions.cost.guard import guard, packed
from dataenvgym_spec.questions.status import status
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import read, read_all, write_json
from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.records.plans import Plan
from dataenvgym_spec.records.progress import PROGRESS, Progress
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.store.journal import Journal
from dataenvgym_spec.store.layout import Layout
from tests.support.components import Install
from tests.support.desks import counted, killed, moments
from tests.support.graphs import compiled
from tests.support.specs import tiny

SECRET = "sk-0123456789-this-is-a-secret"


@pytest.fixture
def asking(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it is counted what the teacher `counting` and the engine `asking` ask; with a journal of its own."""
    monkeypatch.setenv("DATAENVGYM_JOURNAL", str(tmp_path / "journal"))
    return counted(install, monkeypatch, tmp_path)


@pytest.fixture
def stage(asking: Path, tmp_path: Path) -> Callable[..., tuple[Layout, str]]:
    """A generate stage with a plan of so many examples, in a repository and with a journal of its own."""

    def made(amount: int, folder: str = "repo", **more: Any) -> tuple[Layout, str]:
        root = tmp_path / folder
        writer = {"kind": "counting", "counts": str(asking), **more}
        engine = {"kind": "asking", "teacher": "writer", "oversample": None}
        spec = tiny(teachers={"writer": writer}, agent={"engine": engine})
        root.mkdir(exist_ok=True)
        layout = Layout(root=root)
        graph = compiled(root, spec)
        write(graph, layout, everything=True)
        directory = next(one.directory for one in graph.stages if one.kind == "generate")
        content = json.loads((layout.stage(directory) / "stage.json").read_text())
        plan = Plan(allocation={"sum": amount}, reasons={}, errors={}, iteration=1)
        for _, key, port in content["inputs"]:
            (stage,) = layout.store.glob(f"*-{key[:16]}")
            (stage / "out" / port).mkdir(parents=True, exist_ok=True)
            if port == "plan":
                write_json(stage / "out" / port / "plan.json", plan)
        return layout, directory

    return made


def examples(layout: Layout, directory: str) -> list[Example]:
    return read_all(layout.stage(directory) / "out" / "candidates" / "examples.jsonl", Example)


def requests(layout: Layout) -> int:
    return (layout.root.parent / "counts").stat().st_size


def through_kills(made: tuple[Layout, str], kills: int, total: int, in_flight: int) -> None:
    layout, directory = made

    def work() -> None:
        run_stage(layout, directory)

    died = 0
    for moment in moments(kills, total):
        died += killed(work, lambda moment=moment: requests(layout) >= moment)
    work()
    assert total <= requests(layout) <= total + died * in_flight


def test_kills_change_nothing_in_what_is_generated(stage: Any, tmp_path: Path) -> None:
    disturbed, undisturbed = stage(200), stage(200, "undisturbed")
    through_kills(disturbed, 3, 200, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATAENVGYM_JOURNAL", str(tmp_path / "another"))
        run_stage(*undisturbed)
    assert examples(*disturbed) == examples(*undisturbed) and len(examples(*disturbed)) == 200
    log = read(disturbed[0].stage(disturbed[1]) / "log" / "run.json", Log)
    assert log.teachers is not None and log.tokens == {"prompt": 400, "generated": 200}
    used = log.teachers["counting"]
    # All attempts are its own, of which the last asked for the rest.
    assert (used.requests, used.reused, used.finishes) == (200, 0, {"stop": 200})
    assert used.replayed > 0


@pytest.mark.slow
@pytest.mark.parametrize("in_flight", [1, 32])
def test_fifty_kills_of_two_thousand_requests(in_flight: int, stage: Any, tmp_path: Path) -> None:
    disturbed = stage(2000, in_flight=in_flight)
    through_kills(disturbed, 50, 2000, in_flight)
    undisturbed = stage(2000, "undisturbed", in_flight=in_flight)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATAENVGYM_JOURNAL", str(tmp_path / "another"))
        run_stage(*undisturbed)
    assert examples(*disturbed) == examples(*undisturbed)


@contextmanager
def limited(tokens: int) -> Iterator[None]:
    """The environment of a stage that `dataenvgym run` starts; each answer takes three tokens."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in packed("tiny", {"tokens": tokens}).items():
            patch.setenv(name, value)
        yield


def test_a_limit_pauses_between_requests_and_what_was_answered_is_not_paid_for_again(
    stage: Any, tmp_path: Path
) -> None:
    layout, directory = stage(200)
    with limited(90), pytest.raises(LimitReached) as caught:
        run_stage(layout, directory)
    assert "the limit on 'tokens' is passed: 93 tokens are spent" in caught.value.message
    assert "raise 'limits.tokens' in the spec and run again" in caught.value.help
    assert requests(layout) == 31
    row = next(row for row in status(load("tiny", layout.root)) if row.state == "paused")
    assert row.detail == caught.value.message.removeprefix("paused: ")
    (asked,) = row.asked
    assert (asked.done, asked.wanted, asked.tokens, asked.tokens_left) == (31, 200, 93, 507)

    # Under the same limit it is not even begun, and no other stage of the experiment is.
    with pytest.raises(LimitReached):
        guard(layout, packed("tiny", {"tokens": 90}))
    with limited(600):
        run_stage(layout, directory)
    assert requests(layout) == 200
    assert not [row for row in status(load("tiny", layout.root)) if row.state == "paused"]
    undisturbed = stage(200, "undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATAENVGYM_JOURNAL", str(tmp_path / "another"))
        run_stage(*undisturbed)
    assert examples(layout, directory) == examples(*undisturbed)


AGENT = ("data", "skills", "plan", "generate", "check")
"""The kinds of the stages that lead to what a training of a blind arm is taught."""


def in_rounds(root: Path, counts: Path) -> Layout:
    """An experiment whose agent has three rounds of ten examples before its one training."""
    off = {name: {"action": "off"} for name in ("scorable", "duplicate", "overlap")}
    engine = {"kind": "asking", "teacher": "writer", "oversample": None}
    spec = tiny(
        teachers={"writer": {"kind": "counting", "counts": str(counts)}},
        agent={"engine": engine, "checks": off},
        loop={"iterations": 1, "rounds": 3, "teach": {"refill": 0}},
        arms={"with-state": None},
        analysis=None,
    )
    root.mkdir()
    layout = Layout(root=root)
    write(compiled(root, spec), layout, everything=True)
    return layout


def work_on(layout: Layout) -> None:
    for one in load("tiny", layout.root).stages:
        if one.kind in AGENT and not one.done:
            run_stage(layout, one.path.name)


def taught(layout: Layout) -> list[list[Example]]:
    """What the training reads, port by port."""
    results = load("tiny", layout.root)
    stages = {one.key: one for one in results.stages}
    (training,) = [one for one in results.stages if one.kind == "train"]
    checks = [stages[key] for key in training.inputs if stages[key].kind == "check"]
    return [one.rows("accepted", "examples.jsonl", Example) for one in checks]


def test_a_limit_pauses_within_a_later_round_and_changes_nothing_of_what_is_taught(
    asking: Path, tmp_path: Path
) -> None:
    layout = in_rounds(tmp_path / "repo", asking)
    # Each answer takes three tokens: a round takes thirty, and the second is half done.
    with limited(45), pytest.raises(LimitReached):
        work_on(layout)
    assert requests(layout) == 16
    rounds = load("tiny", layout.root).runs[0].iterations[1].rounds
    done = [[one.kind for one in part.stages if one.kind in AGENT and one.done] for part in rounds]
    assert done == [["plan", "generate", "check"], ["plan"], []]
    with limited(90):
        work_on(layout)
    assert requests(layout) == 30  # nothing was paid for twice
    undisturbed = in_rounds(tmp_path / "undisturbed", asking)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATAENVGYM_JOURNAL", str(tmp_path / "another"))
        work_on(undisturbed)
    assert taught(layout) == taught(undisturbed)
    assert [len(rows) for rows in taught(layout)] == [10, 10, 10]
    assert len({row.target for rows in taught(layout) for row in rows}) > 20


def test_stages_at_work_at_once_see_what_all_have_spent(stage: Any) -> None:
    layout, directory = stage(200)
    other = next(layout.store.glob("plan-*"))
    so_far = Log(started=0.0, seconds={"total": 1.0}, tokens={"prompt": 50, "generated": 10})
    scratch = layout.scratch(other.name)
    scratch.mkdir(parents=True)
    write_json(scratch / PROGRESS, Progress(log=so_far, asked={}))
    with limited(90), pytest.raises(LimitReached, match="93 tokens are spent"):
        run_stage(layout, directory)
    assert requests(layout) == 11


def test_a_replay_asks_nobody_and_says_what_is_missing(
    stage: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = stage(5)
    run_stage(*first)
    monkeypatch.setenv("DATAENVGYM_REPLAY", "1")
    again = stage(5, "colleague")
    monkeypatch.setenv("DATAENVGYM_JOURNAL", str(tmp_path / "colleague-journal"))
    with pytest.raises(StageError) as caught:
        run_stage(*again)
    assert (
        f"{again[1]}: not in the journal: the answer of 'counting' to 'sum-0'"
        in caught.value.message
    )
    (log,) = first[0].store.glob("*/log/responses.jsonl")
    journal = Journal(tmp_path / "colleague-journal" / "journal.sqlite")
    journal.take_over(log)
    journal.close()
    run_stage(*again)
    assert examples(*again) == examples(*first) and requests(first[0]) == 5


def test_computed_again_beside_its_result_a_stage_asks_nobody(
    stage: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    layout, directory = stage(5)
    run_stage(layout, directory)
    monkeypatch.setenv("DATAENVGYM_REPLAY", "1")
    folder = layout.private / "replicas"
    (again,) = replicate(layout, "tiny", [directory], folder)
    # Equal answers give equal bytes, though a teacher promises none.
    assert (again.outcome, again.owed, again.promise) == ("equal", False, "none")
    monkeypatch.setenv("DATAENVGYM_JOURNAL", str(tmp_path / "another"))
    (without,) = replicate(layout, "tiny", [directory], folder)
    assert without.outcome == "skipped" and not without.broken
    assert "not in the journal: the answer of 'counting'" in without.reason
    assert requests(layout) == 5


def test_an_error_that_nobody_expects_tells_no_secret(
    stage: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What a service says, and what it answers, is another test's (`test_services`)."""
    monkeypatch.setenv("A_KEY", SECRET)
    with pytest.raises(StageError, match=r"ValueError: no header can hold 'Bearer \[key\]'"):
        run_stage(*stage(3))
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert any(b"Bearer [key]" in data for data in kept)
    assert not any(SECRET.encode() in data for data in kept)
