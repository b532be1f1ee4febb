"""`dataenvgym run`, where what it does is in other tests: what it says of what happens to it meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import pytest

from dataenvgym_spec.cli import run
from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.schedule.order import Outcome
from dataenvgym_spec.schedule.protocol import Finished, Work
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.owned import LOCK, owned_folder
from tests.support.repositories import call, new_repo
from tests.support.slurm_commands import SlurmCommands
from tests.support.specs import SMALL


@pytest.mark.parametrize("jobs", [(), ("--jobs", "2")])
@pytest.mark.parametrize("edited", [False, True])
def test_a_spec_that_was_compiled_while_it_ran_is_said_to_be_the_reason(
    edited: bool, jobs: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two people in one clone: the report of the new spec misses stages that nobody has asked for yet."""
    repo = new_repo(tmp_path / "repo", SMALL)
    call("dataenvgym", "compile", cwd=repo)

    def failing(*_: Any, **_more: Any) -> int:
        if edited:
            longer = SMALL.replace("iterations: 1", "iterations: 2")
            (repo / "specs" / "tiny.yaml").write_text(longer, encoding="utf-8")
            call("dataenvgym", "compile", cwd=repo)
        return 1

    def all_failing(works: Sequence[Work], *_: Any, **_more: Any) -> Outcome:
        return Outcome(failed=[Finished(work=works[0], code=failing())])

    monkeypatch.setattr(run, "reproduce", failing)
    monkeypatch.setattr("dataenvgym_spec.cli.jobs.carry_out", all_failing)
    monkeypatch.chdir(repo)
    with pytest.raises(StageError) as raised:
        run.command.main(["tiny", *jobs], standalone_mode=False)
    assert ("was compiled anew while it ran" in raised.value.message) == edited
    assert ("did not finish" in raised.value.message) != edited


PRESSED = """\
#!/bin/sh
cd "$(dirname "$0")" || exit 1
cat > /dev/null; echo "sbatch $*" >> called; kill -INT $PPID; echo 500
"""


def test_ctrl_c_while_jobs_are_submitted_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = SlurmCommands(tmp_path / "commands", monkeypatch)
    (commands.folder / "sbatch").write_text(PRESSED, encoding="utf-8")
    monkeypatch.chdir(new_repo(tmp_path / "repo", SMALL))
    with pytest.raises(click.Abort):
        run.command.main(["tiny", "--on", "slurm"], standalone_mode=False)
    acts = [line for line in commands.called if line.startswith(("sbatch", "scancel"))]
    assert len(acts) == 2 and acts[1].startswith("scancel 500")
    said = capsys.readouterr()
    assert "ending what runs" in said.out
    assert "jobs of this run in Slurm are cancelled" in said.err


def test_a_run_removes_what_a_killed_process_has_left_beside_the_clone(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo", SMALL)
    layout = Layout(root=repo)
    with owned_folder(layout.apart) as folder:
        name = folder.name
    # As it is where the owner did not come to remove it.
    (layout.apart / name / ".dvc").mkdir(parents=True)
    (layout.apart / f"{name}{LOCK}").touch()
    (layout.apart / name / ".dvc" / "config.local").write_text("secret", encoding="utf-8")
    call("dataenvgym", "run", "nobody", cwd=repo, ok=False)
    assert not list(layout.apart.iterdir())
