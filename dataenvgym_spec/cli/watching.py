"""`dataenvgym status --watch`: a run as its own screen shows it, from its file."""

from __future__ import annotations

import sys
import time
from typing import Final

import click
import msgspec

from dataenvgym_spec.core.errors import StageError, visible
from dataenvgym_spec.records.files import read
from dataenvgym_spec.records.run_state import RunState
from dataenvgym_spec.setup.hardware.leases import AtWork
from dataenvgym_spec.store.layout import Layout

LOOK: Final = 1.0
"""Seconds between two looks."""
NONE: Final = "no run with --jobs is at work here; what is done: dataenvgym status"
WIDTH: Final = 100
"""The width of a screen that goes to a file."""


def watch(layout: Layout) -> int:
    """Shows how a run stands, until it ends; where nobody looks at a terminal, once.

    Returns:
        The exit code: 0 if it goes on or has ended well.
    """
    state = _state(layout)
    if state is None:
        click.echo(NONE)
        return 0
    if not sys.stdout.isatty():
        _print(state)
        return _told(layout, state)
    from rich.live import Live

    from dataenvgym_spec.cli.screen import screen

    with Live(auto_refresh=False) as live:
        while True:
            live.update(screen(state, time.time(), live.console.width), refresh=True)
            if not _at_work(layout, state):
                break
            time.sleep(LOOK)
            state = _state(layout) or state
    return _told(layout, state)


def _print(state: RunState) -> None:
    from rich.console import Console

    from dataenvgym_spec.cli.screen import screen

    Console(width=WIDTH).print(screen(state, time.time(), WIDTH))


def _state(layout: Layout) -> RunState | None:
    try:
        return read(layout.run_state, RunState)
    except (StageError, msgspec.ValidationError):
        return None


def _at_work(layout: Layout, state: RunState) -> bool:
    """Whether the run goes on that has written a state."""
    if state.ended is not None:
        return False
    holder = AtWork(layout).on("run") or ""
    # On a shared disk the host comes first.
    return holder.split(", ")[-1] == f"process {state.process}"


def _told(layout: Layout, state: RunState) -> int:
    """Says how the run has ended, if it has; returns the exit code."""
    name = visible(", ".join(state.names))
    if _at_work(layout, state):
        return 0
    if state.ended is None:
        ago = max(0.0, time.time() - state.updated)
        click.echo(
            f"the run of '{name}' is gone: process {state.process} has not ended it and does not "
            f"run any more, for at most {ago:.0f} s; what was finished is kept, and this goes on "
            f"from it: dataenvgym run {' '.join(state.names)}"
        )
        return 1
    if state.ended == "done":
        click.echo(f"the run of '{name}' is done")
        return 0
    words = {"failed": "ended with failures", "stopped": "was stopped by its user"}
    click.echo(f"the run of '{name}' {words[state.ended]}")
    return 1
