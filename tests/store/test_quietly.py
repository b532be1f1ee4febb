"""DVC where nobody reads along: what Ctrl-C at a terminal, and the end of its caller, do to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from dataenvgym_spec.store.dvc import quietly
from tests.support.waiting import HANG, wait_until

CALLER = """\
import signal, sys
from pathlib import Path
from dataenvgym_spec.store.dvc import quietly
heard = []
signal.signal(signal.SIGINT, lambda *_: heard.append(1))
sys.executable = sys.argv[1]
print(quietly.dvc(Path.cwd(), "checkout"), len(heard))
"""
"""A run that counts how often the user presses Ctrl-C."""
AT_WORK = "#!/bin/sh\ntouch begun\nwhile ! test -e may; do sleep 0.05; done\n"
"""What stands in for DVC, until it may end."""


def test_ctrl_c_at_a_terminal_ends_no_dvc_that_brings_a_result_home(tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text(AT_WORK, encoding="utf-8")
    program.chmod(0o755)
    command = [sys.executable, "-c", CALLER, str(program)]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as caller:
        try:
            wait_until((tmp_path / "begun").exists, "DVC is at work", caller)
            os.killpg(caller.pid, signal.SIGINT)
        finally:
            (tmp_path / "may").touch()
        assert caller.communicate(timeout=HANG)[0] == "None 1\n", "all of it is well"


def test_dvc_ends_with_its_caller(tmp_path: Path) -> None:
    """One whose caller is gone already begins nothing."""
    command = [sys.executable, "-P", "-m", quietly.OWN, "1", "init", "--no-scm"]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 1
    assert not list(tmp_path.iterdir())
