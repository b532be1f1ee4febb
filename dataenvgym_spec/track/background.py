"""Tracking beside the work: a detached process that tracks once and ends.

Its failures are lines in a log, never errors.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from typing import Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.setup.hardware.leases import clone_lock
from dataenvgym_spec.store.layout import Layout, find_root

LIMIT: Final = 120
"""Seconds after which the process ends in any case."""

LONGEST_LOG: Final = 200_000
OFF: Final = "DATAENVGYM_TRACK"


def start_in_background(layout: Layout, name: str) -> bool:
    """Starts tracking of an experiment and returns at once; whether it was started.

    Does nothing without mlflow, or where the variable DATAENVGYM_TRACK is 0.
    """
    if os.environ.get(OFF) == "0" or find_spec("mlflow") is None:
        return False
    path = layout.private / "track.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = "a" if path.exists() and path.stat().st_size < LONGEST_LOG else "w"
        with path.open(mode, encoding="utf-8") as log:
            subprocess.Popen(
                [sys.executable, "-m", "dataenvgym_spec.track.background", name],
                cwd=layout.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError:
        return False
    return True


def main(name: str) -> None:
    """Tracks one experiment, unless another process is already waiting to do the same."""
    signal.signal(signal.SIGALRM, lambda *_: _give_up(name))
    signal.alarm(LIMIT)
    with contextlib.suppress(OSError):
        os.nice(10)
    layout = Layout(root=find_root())
    # Who waits reads the results when its turn comes, so it sees ours too: a second one behind it
    # would find nothing to do.
    with clone_lock(layout, f"track-next-{name}") as first:
        if not first:
            return
        with clone_lock(layout, "track", waiting=lambda _: None):
            pass
    from dataenvgym_spec.track.run import track

    try:
        done = track(layout, [name])
        _note(f"{name}: {done.logged} values added at {done.uri}")
    except UserError as error:
        _note(f"{name}: {error.message}; {error.help}")


def _give_up(name: str) -> None:
    _note(f"{name}: not done in {LIMIT} s; run: dataenvgym track {name}")
    # A thread of the client may hang in the network: nothing else ends it.
    os._exit(1)


def _note(text: str) -> None:
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
