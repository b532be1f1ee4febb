"""A run whose driver is away: what of it goes on, and how it is taken up again."""

from __future__ import annotations

import shutil
import time
from typing import Final

import click
import msgspec

from dataenvgym_spec.cli.again import shown
from dataenvgym_spec.cli.common import plural
from dataenvgym_spec.core.errors import StageError, UserError, visible
from dataenvgym_spec.records.files import read
from dataenvgym_spec.records.run_state import RunState
from dataenvgym_spec.store.layout import Layout

LONGEST: Final = 4000
"""Characters of a command: one that is cut takes up nothing."""
UNKNOWN: Final = "dataenvgym run NAME --on slurm"
"""What takes jobs up again of which no run has left its command."""
SILENT: Final = (
    "Slurm does not answer here, so that nobody knows whether jobs of an earlier run are left"
)


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


def require_no_jobs(layout: Layout, *, spared: str = "") -> None:
    """Looks whether jobs of an earlier run are in Slurm, which make stages of this clone.

    Where Slurm does not answer that is said, and what would take something from them is refused if
    the last run was one on Slurm whose driver is away.

    Args:
        layout: the repository.
        spared: what was not done for their sake; empty for what does not harm them.

    Raises:
        UserError: there are some, or may be.
    """
    if not layout.home.is_file():  # no run of this clone went to a cluster
        return
    last = last_run(layout)
    is_away = last is not None and last.on == "slurm" and not last.ended
    if shutil.which("squeue") is None and not is_away:
        return
    from dataenvgym_spec.schedule.slurm.queue import jobs_of

    but = f"; {spared}" * bool(spared)
    try:
        count = len(jobs_of(layout))
    except (StageError, OSError):
        if spared and is_away:
            raise UserError(f"{SILENT}{but}", help="run it where Slurm answers") from None
        click.echo(f"warning: {SILENT}", err=True)
        return
    if count:
        where = "of an earlier run of this repository wait or run in Slurm"
        begun = command_of(last) if last is not None and last.on == "slurm" else UNKNOWN
        help = f"go on with: {begun}   (Ctrl-C there cancels them)"
        raise UserError(f"{plural(count, 'job')} {where}{but}", help=help)


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
