"""Works side by side by real DVC, in a repository of three plain stages: what each sees, how each ends, and that nothing is left."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataenvgym_spec.core.room import GIVEN, LEFT
from dataenvgym_spec.schedule.capacity import Capacity
from dataenvgym_spec.schedule.local import LocalRunner, reason
from dataenvgym_spec.schedule.protocol import RUNS, Finished, Needs, Shard, Work
from dataenvgym_spec.setup.hardware.profile import Room
from dataenvgym_spec.store.layout import Layout
from tests.support.repositories import call
from tests.support.waiting import gone, wait_until

STAGES = """\
stages:
  good: {cmd: 'echo "$CUDA_VISIBLE_DEVICES $OWN" > good.txt', outs: [good.txt]}
  bad: {cmd: 'echo some words; echo "error: no luck" >&2; exit 4'}
  dead: {cmd: 'kill -9 $$'}
  slow: {cmd: 'echo $$ > pid.txt; exec sleep 600'}
"""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    call("git", "init", "-q", cwd=tmp_path)
    call("dvc", "init", "-q", cwd=tmp_path)
    (tmp_path / "dvc.yaml").write_text(STAGES, encoding="utf-8")
    return Layout(root=tmp_path)


@pytest.fixture
def runner(layout: Layout) -> Iterator[LocalRunner]:
    made = LocalRunner(
        layout, Capacity(cpus=3, gpus=("5", "7"), memory=100), lambda work: {"OWN": f"of {work.id}"}
    )
    yield made
    made.close()


def work(name: str, **needs: int) -> Work:
    return Work(id=name, targets=(name,), needs=Needs(**needs))


def ended(runner: LocalRunner) -> Finished:
    finished = runner.finished(600)
    assert finished is not None
    return finished


def test_works_end_as_their_stages_do(runner: LocalRunner, layout: Layout) -> None:
    for name in ("good", "bad", "dead"):
        assert runner.fits(work(name))
        assert runner.start(work(name)) == RUNS
    assert not runner.fits(work("slow"))
    found = {one.work.id: one for one in (ended(runner) for _ in range(3))}
    assert (layout.root / "good.txt").read_text(encoding="utf-8") == " of good\n"
    assert (found["good"].code, found["good"].fault, found["good"].message) == (0, False, "")
    assert (found["bad"].code, found["bad"].fault) == (4, False)
    assert found["bad"].message == "error: no luck"
    # What the machine has killed may be tried again.
    assert (found["dead"].code, found["dead"].fault) == (137, True)
    said = layout.output("bad").read_text(encoding="utf-8")
    assert "some words" in said and "failed to reproduce" in said
    assert runner.finished(0) is None


def test_a_shard_is_what_dvc_would_call_in_the_directory_of_its_stage(
    runner: LocalRunner, layout: Layout
) -> None:
    (layout.store / "evaluate-1").mkdir(parents=True)
    shard = Shard(number=2, count=3)
    targets = ("store/evaluate-1/dvc.yaml:evaluate",)
    runner.start(Work(id="evaluate-1.2-of-3", targets=targets, shard=shard))
    finished = ended(runner)
    assert (finished.code, finished.fault) == (2, False)
    assert "evaluate-1' is no stage directory" in finished.message


def test_no_two_works_share_a_gpu(runner: LocalRunner) -> None:
    names = [f"w{number}" for number in range(3)]
    seen = [
        runner._devices(work(name, gpus=count))
        for name, count in zip(names, (1, 0, 1), strict=True)
    ]
    assert [one["CUDA_VISIBLE_DEVICES"] for one in seen] == ["5", "", "7"]
    runner.capacity = Capacity(cpus=3)
    none = runner._devices(work("w5", gpus=1))
    assert none == {"CUDA_VISIBLE_DEVICES": ""}, "those of the machine are not for works"
    runner.capacity = Capacity(cpus=3, gpus=("5", "7"))
    many = work("w4", cpus=99)
    assert runner._given(many)[GIVEN] == str(runner.capacity.cpus), "and none more than there is"
    runner.running = {name: work(name, gpus=1) for name in ("w0", "w2")}
    assert not runner.fits(work("w3", gpus=1))
    assert runner.fits(work("w3"))
    runner.running.clear()
    # What is more than all gets all.
    assert runner.fits(work("w4", gpus=9, cpus=9, memory=10**9))


def test_memory_is_held_against_what_there_is(runner: LocalRunner) -> None:
    runner.running = {"a": work("a", memory=70)}
    assert not runner.fits(work("b", memory=40))
    assert runner.fits(work("b", memory=30))
    # What no work needs may be taken by what is kept between them.
    assert runner._given(work("b", memory=20))[LEFT] == "10"
    assert runner._given(work("b", memory=10**9))[LEFT] == "0"
    runner.capacity = Capacity(cpus=3)
    assert runner.fits(work("b", memory=40))
    assert LEFT not in runner._given(work("b", memory=20))


@pytest.mark.parametrize("now", [False, True])
def test_stopping_ends_stages(runner: LocalRunner, layout: Layout, now: bool) -> None:
    runner.start(work("slow"))
    pid = layout.root / "pid.txt"
    wait_until(lambda: pid.exists() and pid.read_text(encoding="utf-8").strip(), "the stage")
    stage = int(pid.read_text(encoding="utf-8"))
    runner.stop(now=now)
    assert ended(runner).code == (137 if now else 130)
    wait_until(lambda: gone([stage]), "its end")


def test_who_starts_others_may_be_killed(runner: LocalRunner, layout: Layout) -> None:
    runner.start(work("slow"))
    pid = layout.root / "pid.txt"
    wait_until(lambda: pid.exists() and pid.read_text(encoding="utf-8").strip(), "the stage")
    process = runner._process
    assert process is not None
    dvc = _parent(int(pid.read_text(encoding="utf-8")))
    assert _parent(dvc) == process.pid
    os.kill(process.pid, signal.SIGKILL)
    lost = ended(runner)
    assert lost.fault and lost.work.id == "slow"
    wait_until(lambda: gone([dvc]), "the end of what it had started")
    os.kill(
        int(pid.read_text(encoding="utf-8")), signal.SIGKILL
    )  # of ours, a stage sees to that itself
    runner.start(work("good"))
    assert ended(runner).code == 0


def _parent(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    return int(stat.rpartition(")")[2].split()[1])


def test_what_another_process_is_writing_is_waited_for(runner: LocalRunner, layout: Layout) -> None:
    """DVC itself gives up at once."""
    busy = layout.root / ".dvc" / "tmp" / "rwlock"
    good = layout.root / "good.txt"
    busy.write_text(
        f'{{"write": {{"{good}": {{"pid": {os.getpid()}, "cmd": "me"}}}}}}', encoding="utf-8"
    )
    runner.start(work("good"))
    output = layout.output("good")
    wait_until(
        lambda: output.exists() and "waiting: " in output.read_text(encoding="utf-8"), "it to wait"
    )
    assert runner.finished(0.05) is None
    busy.unlink()
    assert ended(runner).code == 0
    assert output.read_text(encoding="utf-8").count("waiting: ") == 1


def test_what_a_killed_dvc_has_left_half_written_stops_nobody(
    runner: LocalRunner, layout: Layout
) -> None:
    (layout.root / ".dvc" / "tmp" / "rwlock").write_text("", encoding="utf-8")
    runner.start(work("good"))
    assert ended(runner).code == 0


def test_the_wait_for_a_work_has_an_end(runner: LocalRunner) -> None:
    before = time.monotonic()
    runner.start(work("slow"))
    assert runner.finished(0.05) is None
    assert time.monotonic() - before >= 0.05


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a\nerror: x\n  = help: y\nERROR: failed to reproduce 'b'\n", "error: x\n  = help: y"),
        ("error: x\nb\nerror: z\n", "error: z"),
        ("\n".join(map(str, range(40))), "\n".join(map(str, range(28, 40)))),
    ],
)
def test_why_a_stage_failed(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "x.txt").write_text(text, encoding="utf-8")
    assert reason(tmp_path / "x.txt") == why
    assert reason(tmp_path / "y.txt") == ""


def test_the_capacity_of_a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Capacity.here({}, Room())
    assert here.cpus >= 1 and here.memory > 2**20
    assert Capacity.here({}, Room(cpus=3, memory=5)).clipped(Needs(cpus=8, memory=9)) == Needs(
        cpus=3, memory=5
    )
    assert Capacity.here({}, Room(cpus=3), jobs=2).cpus == 2
    for name in ("dataenvgym_spec.core.room.gpu_count",):
        monkeypatch.setattr(name, lambda: 4)
    assert Capacity.here({}, Room()).gpus == ("0", "1", "2", "3")
    assert Capacity.here({"CUDA_VISIBLE_DEVICES": "2, GPU-7"}, Room()).gpus == ("2", "GPU-7")
    assert Capacity.here({}, Room(gpus=1)).gpus == ("0",)
