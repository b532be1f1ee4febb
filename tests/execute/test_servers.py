"""Servers of teachers that are kept for a run: which stages share one, and when they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.faults import MachineFault
from dataenvgym_spec.core.room import LEFT, memory_of
from dataenvgym_spec.core.variables import ENGINE_SECONDS, ENGINES
from dataenvgym_spec.execute.run import make_room
from dataenvgym_spec.execute.training import help
from dataenvgym_spec.execute.warm import kept, servers
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.gym import Ask
from dataenvgym_spec.gym.students.models.path import Local
from dataenvgym_spec.gym.teachers.vllm_server import VllmServerTeacher
from tests.support.graphs import compiled
from tests.support.served import OPTIONS, STAND_IN, Run, kept_for_a_run, pids
from tests.support.specs import SMALL
from tests.support.waiting import gone, wait_until


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A run of which this process is a stage; a program stands for vLLM."""
    monkeypatch.setattr(VllmServerTeacher, "program", (sys.executable, "-c", STAND_IN))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    with kept_for_a_run(tmp_path, monkeypatch) as made:
        (made.base / "config.json").write_text("{}", encoding="utf-8")
        yield made


def described(model: Path, **options: Any) -> Component:
    """The component of a teacher, whose model is known by its folder here."""
    part = Component(slot="model", kind="path", version=1, options={"path": str(model)})
    return Component(
        slot="teacher",
        kind="vllm-server",
        version=1,
        options={**OPTIONS, **options},
        parts={("model",): part},
    )


@contextmanager
def teacher(model: Path, **options: Any) -> Iterator[VllmServerTeacher]:
    """A teacher as a stage has it, up to the end of the stage."""
    made = VllmServerTeacher(model=Local(path=model), **{**OPTIONS, **options})
    made.starts = servers.starts(described(model, **options))
    with closing(made):
        yield made


def said(asked: VllmServerTeacher) -> str:
    (reply,) = asked.answer([Ask.of("q", "hello")])
    return reply.text


def test_stages_share_a_server_that_ends_with_the_run(run: Run) -> None:
    with teacher(run.base) as first:
        assert said(first) == "hello to teacher as float32"
        there = pids(run.base)
        # Another stage asks it at the same time, for answers that are drawn otherwise.
        with teacher(run.base, temperature=0.0) as beside:
            assert said(beside) == said(first)
    with teacher(run.base) as later:
        assert said(later) == "hello to teacher as float32"
        assert pids(run.base) == there and not gone(there)
    assert run.loads() == 1
    run.process.kill()
    run.process.wait()
    wait_until(lambda: gone(there), "the server and its child end with the run")


def test_what_is_another_server(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text("{}", encoding="utf-8")
    with teacher(run.base) as first, teacher(other) as second, teacher(run.base, dtype="float16") as third:  # fmt: skip
        assert [said(one)[-7:] for one in (first, second, third)] == ["float32", "float32", "float16"]  # fmt: skip
    assert run.loads() == 3


def test_it_ends_where_its_gpu_is_needed_and_nobody_asks_it(run: Run) -> None:
    with teacher(run.base) as first:
        said(first)
        there = pids(run.base)
        kept.release(os.environ)
        assert not gone(there) and said(first), "a stage asks it"
    servers.make_room([described(run.base, temperature=0.0)], os.environ)
    assert not gone(there), "the stage is about to ask it"
    servers.make_room([], os.environ)
    assert gone(there)
    with teacher(run.base) as later:
        assert said(later) and pids(run.base) != there


def test_it_ends_where_main_memory_has_no_room_for_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (next_one,) = (one for one in compiled(tmp_path, SMALL).stages if one.kind == "train")
    monkeypatch.setenv(LEFT, "0")
    with teacher(run.base) as first:
        said(first)
        there = pids(run.base)
        make_room(next_one, {})
        assert not gone(there), "a stage asks it, and has the memory for it"
    (keeper,) = run.engines()
    both = memory_of(keeper)
    assert both > memory_of(there[0]) > memory_of(there[1]) > 0
    monkeypatch.setenv(LEFT, str(2 * both))
    make_room(next_one, {})
    assert not gone(there), "there is room for it"
    monkeypatch.setenv(LEFT, str(both // 2))
    make_room(next_one, {})
    assert gone(there)


def test_it_ends_on_a_machine_that_takes_part_in_a_training(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stage itself is another machine's, which makes room there."""
    with teacher(run.base) as first:
        said(first)
    there, notice = pids(run.base), SimpleNamespace(machines=2)
    monkeypatch.setenv(LEFT, "0")
    monkeypatch.setattr(help, "parts", lambda _layout: iter([(run.base, notice, 1)]))
    monkeypatch.setattr(help, "join", lambda *_: 3 if gone(there) else 0)
    assert help.help_with(run.base) == 3


def test_whoever_needs_its_gpu_waits_for_its_end(run: Run, tmp_path: Path) -> None:
    """Two trainings after a server on two GPUs: the second must not begin before it is gone."""
    (run.base / "slow").touch()
    with teacher(run.base) as first:
        said(first)
    there = pids(run.base)
    seen: list[bool] = []

    def needs() -> None:
        kept.release(os.environ)
        seen.append(gone(there))

    waiting = [threading.Thread(target=needs) for _ in range(3)]
    for thread in waiting:
        thread.start()
        time.sleep(0.4)
    for thread in waiting:
        thread.join()
    assert seen == [True, True, True]


def test_a_start_that_nobody_waits_for_is_given_up(run: Run) -> None:
    """The stage was killed while its server started: its GPU is needed before the start would end."""
    (run.base / "never").touch()
    code = (
        "import sys; from pathlib import Path\n"
        "from tests.execute.test_servers import STAND_IN, VllmServerTeacher, said, teacher\n"
        "VllmServerTeacher.program = (sys.executable, '-c', STAND_IN)\n"
        "with teacher(Path(sys.argv[1])) as made: said(made)"
    )
    stage = subprocess.Popen([sys.executable, "-c", code, str(run.base)])
    wait_until((run.base / "pids").is_file, "it starts")
    there = pids(run.base)
    kept.release(os.environ)
    assert not gone(there), "a stage waits for it"
    stage.kill()
    stage.wait()
    (run.base / "never").unlink()
    wait_until(lambda: gone(there), "the start is given up")
    # Another one asks just then.
    with teacher(run.base) as second:
        assert said(second)


def test_a_server_that_died_between_stages_is_started_again(run: Run) -> None:
    with teacher(run.base) as first:
        said(first)
    there = pids(run.base)
    os.kill(there[0], signal.SIGKILL)
    wait_until(lambda: gone(there), "it and its child are gone")
    with teacher(run.base) as second:
        assert said(second) and pids(run.base) != there


def test_it_ends_when_nobody_asks_for_long(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENGINE_SECONDS, "1")
    with teacher(run.base) as first:
        said(first)
    there = pids(run.base)
    wait_until(lambda: gone(there), "the server ends")
    with teacher(run.base) as later:
        assert said(later)


def test_one_that_does_not_start_says_why_and_the_next_stage_tries_again(run: Run) -> None:
    (run.base / "broken").touch()
    with teacher(run.base) as first, pytest.raises(StageError, match="ended while it started") as caught:  # fmt: skip
        said(first)
    assert caught.value.help == "the end of its log:\nthis model cannot be [key]"
    (run.base / "broken").unlink()
    with teacher(run.base) as second:
        assert said(second)


def test_a_server_or_what_keeps_it_that_is_killed_is_said_and_started_again(run: Run) -> None:
    with teacher(run.base) as first:
        said(first)
        os.kill(pids(run.base)[0], signal.SIGKILL)
        with pytest.raises(StageError, match="the server of a teacher ended"):
            said(first)
    with teacher(run.base) as second:
        said(second)
        there = pids(run.base)
        for process in run.engines():
            os.kill(process, signal.SIGKILL)
        wait_until(lambda: gone(there), "the server ends with what keeps it")
        with pytest.raises(MachineFault, match="keeps the server of a teacher ended"):
            said(second)
    with teacher(run.base) as third:
        assert said(third)


def test_without_engines_each_stage_has_its_own(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENGINES, "0")
    with teacher(run.base) as first:
        said(first)
        there = pids(run.base)
    wait_until(lambda: gone(there), "it ends with its stage")
    assert not run.engines()
