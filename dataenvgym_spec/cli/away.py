"""A run whose driver is away: what of it goes on, and how it is taken up again."""

from __future__ import annotations

import time
from typing import Final

import msgspec

from dataenvgym_spec.cli.again import shown
from dataenvgym_spec.core.errors import StageError, visible
from dataenvgym_spec.records.files import read
from dataenvgym_spec.records.run_state import RunState
from dataenvgym_spec.store.layout import Layout

LONGEST: Final = 4000
"""Characters of a command: one that is cut takes up nothing."""


def last_run(layout: Layout) -> RunState | None:
    """How the run with a queue stands that is at work here, or was the last; None without any."""
    try:
        return read(layout.run_state, RunState)
    except (StageError, msgspec.ValidationError):
        return None


def command_of(state: RunState) -> str:
    """What takes a run up again."""
    return shown(state.command or ("dataenvgym", "run", *state.names))


def away(layout: Layout, state: RunState) -> tuple[str, int]:
    """What is said of a run that has not ended and whose process is gone.

    Returns:
        The words, and the exit code: 0 if jobs of it go on.
    """
    name, again = visible(", ".join(state.names)), visible(command_of(state), limit=LONGEST)
    if state.on == "slurm":
        found = _jobs(layout)
        if found is None:
            left = "Slurm does not answer here, so that nobody knows whether jobs are left"
            return f"the driver of '{name}' is away, and {left}; take it up again with: {again}", 1
        running, waiting = found
        if running or waiting:
            jobs = f"its jobs go on in Slurm ({running} running, {waiting} waiting)"
            return f"the driver of '{name}' is away; {jobs}; take it up again with: {again}", 0
    ago = max(0.0, time.time() - state.updated)
    gone = (
        f"the run of '{name}' is gone: process {state.process} has not ended it and does not run "
        f"any more, for at most {ago:.0f} s; what was finished is kept"
    )
    return f"{gone}, and this goes on from it: {again}", 1


def _jobs(layout: Layout) -> tuple[int, int] | None:
    """How many jobs run, and how many wait; None where Slurm does not answer."""
    from dataenvgym_spec.schedule.slurm.queue import prefix_of
    from dataenvgym_spec.schedule.slurm.standings import standings_of

    try:
        jobs = standings_of(prefix_of(layout)).values()
    except (StageError, OSError):
        return None
    waiting = sum(job.waits for job in jobs)
    return len(jobs) - waiting, waiting
