"""Who is at work in a repository: the living only."""

import json
import os
import subprocess
import sys
from pathlib import Path

from dataenvgym_spec.store.dvc.busy import release, working
from dataenvgym_spec.store.layout import Layout
from tests.support.waiting import wait_until


def listed(layout: Layout, *pids: int) -> Path:
    path = layout.root / ".dvc" / "tmp" / "rwlock"
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = [{"pid": pid, "cmd": "dvc repro"} for pid in pids]
    path.write_text(json.dumps({"write": {"a": first}, "read": {"b": others}}), encoding="utf-8")
    return path


def test_a_killed_process_that_nobody_waits_for_is_not_at_work(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    release(layout)  # nothing there
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        wait_until(
            lambda: not working(layout) and listed(layout, child.pid) and not working(layout),
            "a child that has ended",
        )
        os.kill(child.pid, 0)  # it has its number still
        path = listed(layout, child.pid, os.getpid())
        assert working(layout) == [os.getpid()]
        release(layout)
        assert path.exists()
        path = listed(layout, child.pid)
        release(layout)
        assert not path.exists()
    listed(layout, child.pid)
    assert working(layout) == []
    (tmp_path / ".dvc" / "tmp" / "rwlock").write_text("half", encoding="utf-8")
    assert working(layout) == []
    # DVC, killed while it wrote: no command of it would work any more.
    release(layout)
    assert not path.exists()
