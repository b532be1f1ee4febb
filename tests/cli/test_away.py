"""Jobs of an earlier run: what would make their stages too, or take them away, is not done beside them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dataenvgym_spec.cli.commands import cli
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.schedule.slurm.queue import prefix_of
from dataenvgym_spec.store.layout import Layout
from tests.support.run_states import a_state
from tests.support.slurm_commands import AWAY, SlurmCommands

REST = "of an earlier run of this repository wait or run in Slurm"


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    found = Layout(root=tmp_path / "repo")
    (found.root / ".dvc" / "tmp").mkdir(parents=True)
    monkeypatch.chdir(found.root)
    return found


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SlurmCommands:
    return SlurmCommands(tmp_path / "commands", monkeypatch)


def called(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def refusal(*arguments: str) -> UserError:
    error = called(*arguments).exception
    assert isinstance(error, UserError)
    return error


def jobs(layout: Layout, commands: SlurmCommands) -> None:
    """Two of an earlier run that wait: no array, and none that has begun."""
    prefix = prefix_of(layout)
    rows = [f"{number} PENDING {prefix}train-{number}\n" for number in range(2)]
    (commands.folder / "user").write_text("".join(rows), encoding="utf-8")


def test_jobs_that_only_wait_are_found(layout: Layout, commands: SlurmCommands) -> None:
    jobs(layout, commands)
    assert refusal("run", "tiny").message == f"2 jobs {REST}"
    error = refusal("gc", "--yes")
    assert error.message == f"2 jobs {REST}; nothing was removed"
    assert "dataenvgym run NAME --on slurm" in (error.help or "")
    (commands.folder / "user").unlink()
    assert REST not in refusal("gc", "--yes").message


@pytest.mark.parametrize("ended", [None, "stopped"])
def test_a_silent_slurm_is_said(ended: str | None, layout: Layout, commands: SlurmCommands) -> None:
    """And nothing is taken from jobs of which nobody knows whether they are there."""
    prefix_of(layout)
    write_json(layout.run_state, a_state(on="slurm", ended=ended))
    commands.refuse(AWAY)
    ran = called("run", "tiny")
    assert "warning: Slurm does not answer here" in ran.stderr
    assert "Slurm" not in str(ran.exception)
    message = refusal("gc", "--yes").message
    assert ("does not answer here" in message and "nothing was removed" in message) == (not ended)


def test_who_has_no_cluster_is_not_asked_for_one(
    layout: Layout, commands: SlurmCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.refuse(AWAY)
    assert "Slurm" not in called("run", "tiny").stderr
    prefix_of(layout)
    monkeypatch.setenv("PATH", str(layout.root))
    assert "Slurm" not in called("run", "tiny").stderr, "a clone that Ray has seen"
    write_json(layout.run_state, a_state(on="slurm"))
    assert "Slurm does not answer here" in called("run", "tiny").stderr, "another host may"
