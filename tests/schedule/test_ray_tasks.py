"""What a task of Ray's tells while it runs, without a cluster: a cluster only passes it on."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dataenvgym_spec.core.variables import ENGINE_SECONDS
from dataenvgym_spec.schedule.parcels.parcel import Home, Outcome, Parcel
from dataenvgym_spec.schedule.ray import tasks

GIVEN = tasks.Given(run="run", cpus=1)
TALKS = """
import pathlib, sys, time
until = time.monotonic() + 60
while time.monotonic() < until and not pathlib.Path(sys.argv[1]).exists():
    print("step", flush=True)
    time.sleep(0.05)
print("the end", flush=True)
"""

SILENT = """
import pathlib, sys, time
print("begun", flush=True)
time.sleep(60)
pathlib.Path(sys.argv[1]).touch()
"""


def test_output_comes_while_a_stage_talks_on(tmp_path: Path) -> None:
    """Steps follow each other faster than output is gathered: there is never a pause."""
    heard = tmp_path / "heard"
    parts = tasks._done([sys.executable, "-c", TALKS, str(heard)], str(tmp_path), os.environ)
    kind, first = next(parts)
    assert kind == tasks.SAID
    assert first.startswith(b"step\n") and b"the end" not in first
    heard.touch()
    assert b"".join(text for _, text in parts).endswith(b"the end\n")


def test_a_silent_stage_ends_when_ray_interrupts_its_task(tmp_path: Path) -> None:
    """Ray does it by `interrupt_main`, which sends no signal: what waits has to wake by itself."""
    ended = tmp_path / "ended"
    parts = tasks._done([sys.executable, "-c", SILENT, str(ended)], str(tmp_path), os.environ)
    assert next(parts) == (tasks.SAID, b"begun\n")
    threading.Timer(2 * tasks.PAUSE, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        list(parts)
    assert not ended.exists()


@pytest.fixture
def deaf() -> Iterator[None]:
    """A process that has to ignore Ctrl-C, as what a shell has put into the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("deaf")
def test_a_task_of_a_machine_that_was_started_in_the_background_ends_when_it_is_interrupted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Such as `ray start --block &` in a script of Slurm's: no interrupt would ever come."""
    ended = tmp_path / "ended"
    silent = [sys.executable, "-c", SILENT, str(ended)]
    monkeypatch.setattr(tasks.together, "helper", lambda *_: silent)
    home = Home(root=str(tmp_path), token="clone", shared=True)
    parts = tasks.helped(Parcel(stage="train-1", home=home, files={}).pack(), GIVEN)
    assert next(parts) == (tasks.SAID, b"begun\n")
    threading.Timer(2 * tasks.PAUSE, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        list(parts)
    assert not ended.exists()


@pytest.mark.parametrize(("code", "fault"), [("137", True), ("1", False), ("0", False)])
def test_a_part_of_a_training_that_was_killed_is_told_from_one_that_failed(
    code: str, fault: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What ends so is not the part itself: it says by its code what became of its processes."""
    ends = [sys.executable, "-c", f"import sys; sys.exit({code})"]
    monkeypatch.setattr(tasks.together, "helper", lambda *_: ends)
    home = Home(root=str(tmp_path), token="clone", shared=True)
    parcel = Parcel(stage="train-1", home=home, files={})
    ((kind, content),) = tasks.helped(parcel.pack(), GIVEN)
    outcome = Outcome.unpack(content)
    assert kind == tasks.ENDED and (outcome.code, outcome.fault) == (int(code) or 1, fault)


def test_an_engine_leaves_a_gpu_that_ray_gives_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENGINE_SECONDS, raising=False)

    def idle(gpus: int, *, lent: bool, **defaults: str) -> str | None:
        monkeypatch.setattr(tasks, "gpus_here", lambda _environ: gpus)
        given = replace(GIVEN, lent=lent)
        return tasks._environment(defaults, given, None).get(ENGINE_SECONDS)

    assert idle(1, lent=True) == str(tasks.LINGERS)
    assert idle(0, lent=True) is None, "what is kept without a GPU is in nobody's way"
    assert idle(1, lent=False) is None, "a cluster of our own gives it to this run alone"
    assert idle(1, lent=True, **{ENGINE_SECONDS: "900"}) is None, "the driver's user has said it"
    monkeypatch.setenv(ENGINE_SECONDS, "60")
    assert idle(1, lent=True) == "60", "the machine's has"
