"""Runs a server as long as its owner lives: `python guard.py PROGRAM ...`.

The owner holds the other end of this program's standard input. Once that is closed, by its end or
its death, the server and whatever it started are ended: they are this program's process group. It
imports nothing of this package, so that it is there at once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

PATIENCE = 10.0
"""Seconds that a server has to end by itself."""


def guard(command: list[str]) -> None:
    """Runs a command until it ends, or the owner of this process does; then all of it is gone."""
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=_end_with_owner, args=(server,), daemon=True).start()
    server.wait()
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _end_with_owner(server: subprocess.Popen[bytes]) -> None:
    while os.read(0, 4096):
        pass
    server.terminate()
    time.sleep(PATIENCE)
    server.kill()  # while it starts, vLLM does not listen


if __name__ == "__main__":
    guard(sys.argv[1:])
