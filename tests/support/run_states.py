"""Runs with a queue, as their file says how they stand."""

from __future__ import annotations

import os
import time

from dataenvgym_spec.records.run_state import RunningWork, RunState

RUNNING = RunningWork(title="what ran", started=0.0, expected=9.0)


def a_state(**more: object) -> RunState:
    """A run of this process; what is None is left out."""
    given = {"names": ("tiny",), "process": os.getpid(), "started": time.time()}
    given |= {"updated": time.time(), "total": 3, "done": 1, "running": [RUNNING.plain()]}
    given |= more
    return RunState.parse({name: value for name, value in given.items() if value is not None})
