"""`dataenvgym status --watch`: what is at work in a clone, refreshed until it ends.

A run with a queue is shown as its own screen does, from its file; whatever else makes stages here,
such as `dvc repro`, as `dataenvgym status` knows it.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

import click
from msgspec.structs import replace

from dataenvgym_spec.cli.away import away, last_run
from dataenvgym_spec.cli.stages_at_work import Look, look
from dataenvgym_spec.core.errors import visible
from dataenvgym_spec.records.run_state import RunState
from dataenvgym_spec.setup.hardware.leases import AtWork
from dataenvgym_spec.store.dvc.busy import working
from dataenvgym_spec.store.layout import Layout

if TYPE_CHECKING:
    from rich.console import Group

PAUSE: Final = 1.0
"""Seconds between two looks."""
SHARE: Final = 3.0
"""A look that takes long is followed by this many times that: this process only looks on."""
QUIET: Final = 3
"""Looks at which nothing is at work, after which it has ended: DVC pauses between two stages."""
NONE: Final = "nothing is at work here; what is done: dataenvgym status"
WIDTH: Final = 100
"""The width of a screen that goes to a file."""


def watch(layout: Layout, name: str | None = None) -> int:
    """Shows what is at work, until it ends; where nobody looks at a terminal, once.

    Args:
        layout: the repository.
        name: the experiment to look at, where no run with a queue is at work; None for all.

    Returns:
        The exit code: 0 if it goes on or has ended well.
    """
    state = last_run(layout)
    queued = state is not None and _has_driver(layout, state)
    if queued or _is_busy(layout):
        return _live(layout, name) if sys.stdout.isatty() else _once(layout, state, name)
    if state is None:
        click.echo(NONE)
        return 0
    _print(_left(state))
    return _told(layout, state)


def _once(layout: Layout, state: RunState | None, name: str | None) -> int:
    if state is not None and _has_driver(layout, state):
        _print(state)
        return _told(layout, state)
    for line in look(layout, name).lines(WIDTH):
        click.echo(line)
    return 0


def _live(layout: Layout, name: str | None) -> int:
    """Shows a run with a queue until it ends, or else stages until none is made any more."""
    from rich.live import Live

    queued, quiet, seen = False, 0, Look()
    with Live(auto_refresh=False) as live:
        while True:
            began = time.monotonic()
            state, width = last_run(layout), live.console.width
            if state is not None and _has_driver(layout, state):
                queued = True
                live.update(_screen(state, width), refresh=True)
            elif queued:
                break
            else:
                quiet = 0 if _is_busy(layout) else quiet + 1
                if quiet == QUIET:
                    break
                seen = look(layout, name, seen)
                live.update(_lines(seen, width), refresh=True)
            time.sleep(max(PAUSE, SHARE * (time.monotonic() - began)))
        if queued and state is not None:
            live.update(_screen(_left(state), live.console.width), refresh=True)
    if queued and state is not None:
        return _told(layout, state)
    click.echo("no stage is made here any more")
    return 1 if seen.has_failures else 0


def _screen(state: RunState, width: int) -> Group:
    from dataenvgym_spec.cli.screen import screen

    return screen(state, time.time(), width)


def _lines(seen: Look, width: int) -> Group:
    from rich.console import Group
    from rich.text import Text

    return Group(*map(Text, seen.lines(width)))


def _print(state: RunState) -> None:
    from rich.console import Console

    Console(width=WIDTH).print(_screen(state, WIDTH))


def _left(state: RunState) -> RunState:
    """How a run stands whose driver is gone: nobody knows what still runs, or will."""
    if state.ended is not None:
        return state
    return replace(
        state,
        running=(),
        queued=(),
        all_running=0,
        all_queued=0,
        waiting=(),
        unpriced=0,
        seconds_left=None,
    )


def _has_driver(layout: Layout, state: RunState) -> bool:
    """Whether the process is at work that has written a state."""
    holder = AtWork(layout).on("run") or ""
    # On a shared disk the host comes first.
    return holder.split(", ")[-1] == f"process {state.process}"


def _is_busy(layout: Layout) -> bool:
    """Whether a run without a queue is at work, or DVC by itself."""
    return AtWork(layout).on("run") is not None or bool(working(layout))


def _told(layout: Layout, state: RunState) -> int:
    """Says how a run with a queue has ended, if it has; returns the exit code."""
    if _has_driver(layout, state):
        return 0
    if state.ended is None:
        said, code = away(layout, state)
        click.echo(said)
        return code
    name = visible(", ".join(state.names))
    words = {
        "done": "is done",
        "failed": "ended with failures",
        "stopped": "was stopped by its user",
    }
    click.echo(f"the run of '{name}' {words[state.ended]}")
    return 0 if state.ended == "done" else 1
