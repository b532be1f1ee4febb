"""Stages that are done elsewhere take the leases that clones share, where they are done."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.records.files import parse_json
from dataenvgym_spec.schedule.parcels import between
from dataenvgym_spec.schedule.parcels.parcel import Home
from dataenvgym_spec.schedule.slurm import job
from dataenvgym_spec.schedule.slurm.commands import program
from dataenvgym_spec.setup.hardware.leases import leases_of, told_file
from dataenvgym_spec.store.dvc.state import read_lock
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.leases.log import Log
from dataenvgym_spec.store.leases.register import FolderRegister
from tests.support.repositories import call, new_repo
from tests.support.specs import SMALL


def clone(root: Path, at: str = "") -> Layout:
    root.mkdir(parents=True, exist_ok=True)
    if at:
        text = f"leases: {{at: '{at}', seconds: 7}}\n"
        (root / "hardware.yaml").write_text(text, encoding="utf-8")
    return Layout(root=root)


def home(layout: Layout, *, shared: bool = True) -> Home:
    return Home(root=str(layout.root), token="t0", shared=shared)


def told(layout: Layout, *, shared: bool = True) -> dict[str, object]:
    """What the repository of a stage is told."""
    files = between.said(layout, home(layout, shared=shared), {})
    assert set(files) <= {".dataenvgym/leases.json"}
    return {name: parse_json(text.decode()) for name, text in files.items()}


def test_what_the_repository_of_a_stage_is_told(tmp_path: Path) -> None:
    name = ".dataenvgym/leases.json"
    assert told(clone(tmp_path / "plain")) == {}
    # Leases within the clone are not the stage's: the machine that does it holds that one.
    own = clone(tmp_path / "own", ".dataenvgym/leases")
    assert told(own) == {name: {"at": "host", "seconds": 7}}
    assert told(own, shared=False) == {}
    relative = clone(tmp_path / "a" / "repo", "../leases")
    objects = clone(tmp_path / "objects", "s3://bucket/leases")
    for shared in (True, False):
        found = told(relative, shared=shared)[name]
        assert found == {"at": str(relative.root / "../leases"), "seconds": 7}
        assert told(objects, shared=shared) == {name: {"at": "s3://bucket/leases", "seconds": 7}}


def test_a_repository_does_what_it_is_told_whatever_profile_its_machine_has(
    tmp_path: Path,
) -> None:
    layout = clone(tmp_path / "clone", str(tmp_path / "leases"))
    repository = clone(tmp_path / "node" / "data-1", "elsewhere")
    for name, text in between.said(layout, home(layout), {}).items():
        path = repository.root / name
        path.parent.mkdir()
        path.write_bytes(text)
    found = leases_of(repository, {})
    assert found is not None and found.between and found.seconds == 7
    assert isinstance(found.register, FolderRegister)
    assert found.register.folder == tmp_path / "leases" and found.held() == []
    # A machine that does not see the folder is no part of what it keeps apart.
    between.require_seen(repository, home(layout), "n1")
    shutil.rmtree(tmp_path / "leases")
    with pytest.raises(StageError, match=f"'n1' does not see '{tmp_path}/leases'"):
        between.require_seen(repository, home(layout), "n1")
    told_file(repository).write_text('{"at": "host"}', encoding="utf-8")
    assert leases_of(repository, {}) is None
    between.require_seen(repository, home(layout), "n1")


@pytest.mark.slow
def test_of_two_clones_one_makes_a_stage_and_the_job_of_the_other_takes_it(tmp_path: Path) -> None:
    mine, leases = new_repo(tmp_path / "mine" / "repo", SMALL), tmp_path / "leases"
    clone(mine, str(leases))
    call("dvc", "remote", "add", "-q", "--default", "there", str(tmp_path / "remote"), cwd=mine)
    call("dataenvgym", "compile", cwd=mine)
    theirs = tmp_path / "theirs" / "repo"
    shutil.copytree(mine, theirs, symlinks=True)
    (stage,) = (path.name for path in mine.glob("store/reserve-*"))

    said = []
    for repo in (mine, theirs):
        command = program(job.__name__, str(repo), stage, "tiny")
        result = call(*command, cwd=tmp_path, apart=True, DATAENVGYM_WARM="0")
        said.append(result.stdout)
        outcome = job.outcome_of(Layout(root=repo), stage, "")
        assert outcome is not None and outcome.code == 0
    assert "brought from the remote" not in said[0]
    assert f"it was made by {os.uname().nodename}, process" in said[1]
    locks = [read_lock(repo / "store" / stage / "dvc.lock", "reserve") for repo in (mine, theirs)]
    assert locks[0] is not None and locks[0] == locks[1]
    log = Log(FolderRegister(leases), stage)
    events = [event for event in map(log.event, log.numbers()) if event is not None]
    assert [event.act for event in events].count("published") == 1
    assert len({event.clone for event in events}) == 2
