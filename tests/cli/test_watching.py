"""`status --watch`: a run with a queue, one without, a driver that is away, and what becomes of each."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dataenvgym_spec.cli.again import command_line
from dataenvgym_spec.cli.away import command_of
from dataenvgym_spec.cli.commands import cli
from dataenvgym_spec.cli.run import command as run_command
from dataenvgym_spec.cli.stages_at_work import Look, look
from dataenvgym_spec.cli.watching import NONE, watch
from dataenvgym_spec.questions.status import StageStatus
from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.schedule.protocol import Needs
from dataenvgym_spec.schedule.slurm.commands import Job, submit
from dataenvgym_spec.schedule.slurm.queue import prefix_of
from dataenvgym_spec.schedule.slurm.standings import standings_of
from dataenvgym_spec.setup.hardware.profile import SlurmCluster
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.locks import held
from tests.support.commands import BIN, environment
from tests.support.repositories import call
from tests.support.run_states import a_state
from tests.support.slurm import needs_slurm, slurm
from tests.support.stubs import ONE, new_sweep, stub_path
from tests.support.waiting import HANG, wait_until

Say = Callable[[], str]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout(root=tmp_path)
    found.private.mkdir()
    return found


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Say:
    return lambda: capsys.readouterr().out


def test_a_run_with_a_queue(layout: Layout, said: Say) -> None:
    assert watch(layout) == 0
    assert NONE in said()
    own = a_state()
    write_json(layout.run_state, own)
    with held(layout.lock("run")):
        assert watch(layout) == 0
        shown = said()
        assert "1/3" in shown and "what ran" in shown and "gone" not in shown
    assert watch(layout) == 1
    shown = said()
    assert f"the run of 'tiny' is gone: process {os.getpid()}" in shown
    assert "what ran" not in shown, "it does not run any more"
    for end, code, words in (
        ("done", 0, "is done"),
        ("failed", 1, "with failures"),
        ("stopped", 1, "stopped"),
    ):
        write_json(layout.run_state, {**own.plain(), "ended": end})
        assert watch(layout) == code
        assert words in said()
    layout.run_state.write_text("{", encoding="utf-8")
    assert watch(layout) == 0


def test_what_a_stage_says_is_shown_and_not_obeyed() -> None:
    row = StageStatus(key="k", kind="train", state="failed", label="a\x1b[2J", detail="b\x9bc\nd")
    assert list(Look({"e": [row]}, 1.0).lines(80)) == [
        "e: 1 failed",
        r"   failed  a\x1b[2J  b\x9bc",
    ]


def test_what_takes_a_run_up_again(layout: Layout, said: Say) -> None:
    """The words of its own command line; of a state that an older release has left, its names."""
    words = ["run", "tiny", "--on", "ray", "--jobs", "4", "--set", "a.b=[1, 2]", "--keep-going"]
    found: list[tuple[str, ...]] = []

    @click.group()
    def group() -> None:
        pass

    @group.command("run", params=run_command.params)
    def _run(**_: object) -> None:
        found.append(command_line(click.get_current_context()))

    assert CliRunner().invoke(group, words).exit_code == 0
    again = "dataenvgym run tiny --jobs 4 --on ray --keep-going --set 'a.b=[1, 2]'"
    state = a_state(command=found[0], on="ray")
    assert command_of(state) == again
    write_json(layout.run_state, state)
    assert watch(layout) == 1
    assert said().endswith(f"this goes on from it: {again}\n")
    old = {name: value for name, value in state.plain().items() if name not in ("command", "on")}
    write_json(layout.run_state, old)
    assert watch(layout) == 1
    assert said().endswith("this goes on from it: dataenvgym run tiny\n")


@needs_slurm
def test_a_driver_that_is_away(layout: Layout, said: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    again = "dataenvgym run tiny --on slurm --retry 1"
    write_json(layout.run_state, a_state(on="slurm", command=again.split()))
    prefix = prefix_of(layout)
    with slurm(cpus=1) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        for number in range(3):
            command = ["sleep", "600"]
            job = Job(name=f"{prefix}{number}", command=command, output="/dev/null", needs=Needs())
            submit(job, SlurmCluster())
        wait_until(
            lambda: any(one.state == "RUNNING" for one in standings_of(prefix).values()), "one runs"
        )
        assert watch(layout) == 0
        shown = said()
        assert "driver of 'tiny' is away; its jobs go on in Slurm (1 running, 2 waiting)" in shown
        assert shown.endswith(f"take it up again with: {again}\n")
        (layout.root / ".dvc").mkdir()
        monkeypatch.chdir(layout.root)
        refused = CliRunner().invoke(cli, ["run", "tiny"]).exception
        assert f"go on with: {again}" in str(getattr(refused, "help", ""))
    monkeypatch.setenv("PATH", str(layout.root))
    assert watch(layout) == 1
    assert "Slurm does not answer here" in said()


def test_what_runs_without_a_queue(tmp_path: Path) -> None:
    """`dvc repro`, looked at from another terminal."""
    repo = new_sweep(tmp_path)
    call("dataenvgym", "compile", cwd=repo)
    layout = Layout(root=repo)
    layout.private.mkdir(exist_ok=True)
    # An earlier run says nothing about this.
    write_json(layout.run_state, a_state(ended="done"))
    stage = next(path.name for path in layout.store.glob("student-*"))
    (repo / "act").write_text("hang /student-", encoding="utf-8")
    dvc = subprocess.Popen(
        [str(BIN / "dvc"), "repro", "-q", "--single-item", f"store/{stage}/dvc.yaml:student"],
        cwd=repo,
        env={**environment(shared=False), **stub_path(repo)},
    )
    wait_until(lambda: any(repo.glob("*.hangs")), "the stage runs", dvc)
    (row,) = (row for row in look(layout).experiments[ONE] if row.state == "running")
    assert row.kind == "student" and row.since is not None
    piped = call("dataenvgym", "status", ONE, "--watch", cwd=repo).stdout
    assert f"{ONE}: 1 running" in piped and row.label in piped and "is done" not in piped

    screen, terminal = pty.openpty()
    watcher = subprocess.Popen(
        [str(BIN / "dataenvgym"), "status", "--watch"],
        cwd=repo,
        env={**environment(shared=False), "TERM": "xterm", "COLUMNS": "100"},
        stdout=terminal,
        stdin=subprocess.DEVNULL,
    )
    os.close(terminal)
    seen = b""
    while row.label.encode() not in seen:
        seen += os.read(screen, 1 << 16)
    (repo / "go").touch()
    assert dvc.wait(HANG) == 0
    with suppress(OSError):  # the other end is closed
        while part := os.read(screen, 1 << 16):
            seen += part
    os.close(screen)
    assert watcher.wait(HANG) == 0
    assert b"no stage is made here any more" in seen
