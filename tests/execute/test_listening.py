"""Sockets of processes that serve runs: what those that were killed have left is removed, and nothing else."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

from dataenvgym_spec.execute.warm.listening import listening, start_of


def test_what_killed_processes_left_is_removed_once_their_run_is_gone() -> None:
    here = os.getpid()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # A run of this number began at another time; this one's worker may only be slow to listen.
        gone, here_too = f"{here}-1-heavy.sock", f"{here}-{start_of(here)}-light.sock"
        others = ("1-2-judges-3.sock", "kept.txt", "theirs.sock")
        for left in (gone, here_too, *others):
            (folder / left).touch()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as elsewhere:
            elsewhere.bind(str(folder / "1-1-heavy.sock"))
            elsewhere.listen()
            with listening(folder / f"{here}-{start_of(here)}-heavy.sock", here) as found:
                assert found is not None
                left = {path.name for path in folder.iterdir()}
        assert left == {f"{here}-{start_of(here)}-heavy.sock", here_too, "1-1-heavy.sock", "kept.txt", "theirs.sock"}  # fmt: skip
