"""What `dataenvgym status` says of stages, and that asking changes nothing."""

import shutil
from pathlib import Path

from dataenvgym_spec.questions.status import status
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.locks import held
from tests.support.copied import MOVED, Copied
from tests.support.tracked import Store


def test_a_stage_is_running_while_somebody_holds_its_lock(tmp_path: Path) -> None:
    root = Store(tmp_path, upto=1, closed=False).root
    results = load("tiny", root)
    last = results.stages[-1].path.name
    lock = Layout(root=root).lock(last)
    assert {row.state for row in status(results)} == {"done", "missing"}
    assert not lock.exists()
    with held(lock):
        row = status(results)[-1]
        assert (row.state, row.detail) == ("running", lock.read_text(encoding="utf-8").strip())
    lock.write_text("process 1\n", encoding="utf-8")
    # As in a repository that may only be read: not even a lock that was left is touched.
    before = lock.stat().st_mtime_ns
    assert status(results)[-1].state == "missing"
    assert (lock.read_text(encoding="utf-8"), lock.stat().st_mtime_ns) == ("process 1\n", before)


def test_copies_for_the_noise_floor_are_told_from_what_they_are_copies_of(tmp_path: Path) -> None:
    """Each has a state of its own: a floor that is not measured yet leaves the study done."""
    root = Copied(tmp_path, MOVED).write().root
    results = load("tiny", root)
    copies = [stage for stage in results.stages if stage.uses[0].copy is not None]
    assert len(copies) == 6
    missing = copies[0]
    shutil.rmtree(missing.path)
    rows = status(load("tiny", root))
    assert len({row.key for row in rows}) == len(rows) == len(results.stages)
    assert [row.key for row in rows if row.state != "done"] == [missing.key]
    assert {row.state for row in rows} == {"done", "missing"}
