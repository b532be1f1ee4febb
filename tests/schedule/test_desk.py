"""What the machine that drives a run does for stages elsewhere, where its own disk fails it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.schedule.parcels.desk import Desk
from dataenvgym_spec.schedule.parcels.pack import Packer, home_of
from dataenvgym_spec.schedule.parcels.parcel import Outcome
from dataenvgym_spec.schedule.protocol import Shard
from dataenvgym_spec.store.layout import Layout
from tests.support.graphs import written
from tests.support.specs import SMALL


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return written(tmp_path, SMALL)


def test_a_stage_whose_files_cannot_be_read_fails_alone(layout: Layout) -> None:
    (whole,) = (path.name for path in layout.store.glob("reserve-*"))
    broken = next(path.name for path in sorted(layout.store.glob("*")) if path.name != whole)
    (layout.stage(broken) / "dvc.yaml").unlink()
    (layout.stage(broken) / "dvc.yaml").mkdir()
    desk = Desk(layout, Packer(layout, home_of(layout, shared=True)))
    try:
        for stage in (broken, whole):
            desk.pack(stage, stage, "tiny")
        packed = {}
        while desk.busy:
            desk.wait(1)
            packed |= dict(desk.packed())
    finally:
        desk.close()
    error = packed[broken]
    assert isinstance(error, StageError)
    assert "dvc.yaml' cannot be used: is a directory" in error.message
    assert not isinstance(packed[whole], StageError)


def test_what_cannot_be_kept_of_a_shard_or_a_failure_ends_no_run(layout: Layout) -> None:
    (stage,) = (path.name for path in layout.store.glob("reserve-*"))
    shutil.rmtree(layout.private, ignore_errors=True)
    layout.private.write_text("no folder", encoding="utf-8")
    packer = Packer(Layout(root=layout.root), home_of(_elsewhere(layout), shared=True))
    desk = Desk(layout, packer)
    try:
        desk.keep(stage, Shard(number=1, count=2), b"answers")
        desk.refuse(stage, Outcome(code=1, place="node1", failure="it is broken"))
    finally:
        desk.close()
    assert layout.private.is_file()


def _elsewhere(layout: Layout) -> Layout:
    """A clone whose private folder is one."""
    other = layout.root.with_name("other")
    other.mkdir()
    return Layout(root=other)
