"""Tells of a run while it goes on: a screen in a terminal, lines elsewhere, and a file."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

import click

from dataenvgym_spec.core.errors import visible
from dataenvgym_spec.records.files import json_text
from dataenvgym_spec.schedule.observer import View
from dataenvgym_spec.schedule.progress import Progress
from dataenvgym_spec.schedule.protocol import Finished, Standing, Work
from dataenvgym_spec.store.atomic import write
from dataenvgym_spec.store.layout import Layout

if TYPE_CHECKING:
    from rich.live import Live

SCREEN: Final = 0.25
"""Seconds between two looks of a screen."""
FILE: Final = 1.0
"""Seconds between two states in the file."""
LONGEST: Final = 400
"""Characters of a line."""


class Onlooker:
    """Hears of works and tells of them.

    Args of the constructor:
        progress: counts.
        layout: the repository, for the file.
    """

    def __init__(self, progress: Progress, layout: Layout) -> None:
        self.progress, self._layout = progress, layout
        self._live = _live() if sys.stdout.isatty() else None
        self._drawn = self._written = 0.0
        self._waits: set[str] = set()
        """The works of which it was said that they wait."""

    def __enter__(self) -> Onlooker:
        if self._live is not None:
            self._live.start()
        self._write()
        return self

    def __exit__(self, *_: object) -> None:
        self._write()
        if self._live is not None:
            self._draw()
            self._live.stop()

    def started(self, work: Work, standing: Standing) -> None:
        """A work was started; of one that waits there is more to say later."""
        self.progress.started(work, standing)
        if not standing.waits:
            self._tell_start(work, standing.place)

    def moved(self, work: Work, standing: Standing) -> None:
        """A work that was started stands otherwise than before; that one waits is said once."""
        self.progress.moved(work, standing)
        if not standing.waits:
            self._waits.discard(work.id)
            self._tell_start(work, standing.place)
        elif work.id not in self._waits:
            self._waits.add(work.id)
            self._line(f"{self.progress.title(work)}: waits {standing.waits}")

    def _tell_start(self, work: Work, place: str) -> None:
        self._line(f"{self.progress.title(work)}: started{_on(place)}")

    def ended(self, finished: Finished, *, again: bool) -> None:
        """A work ended."""
        work = finished.work
        seconds, title = self.progress.took(work), self.progress.title(work)
        self.progress.ended(finished, again=again)
        self._waits.discard(work.id)
        # One that was not seen to run says where it did.
        took = _on(finished.place) if seconds is None else f" {seconds:.1f} s"
        counts = f"{self.progress.done}/{self.progress.total}"
        if again:
            self._line(f"{title}: ended by a fault of the machine, tried again")
        elif finished.code and self.progress.ending:
            self._line(f"{title}: stopped")
        elif finished.code:
            self._line(f"{title}: failed{took if seconds is None else f' after{took}'}")
        else:
            self._line(f"{title}: done{took if seconds is None else f' in{took}'} ({counts})")

    def ending(self, text: str) -> None:
        """The user has asked the run to end."""
        self.progress.ending = True
        self._line(text)

    def skipped(self, work: Work) -> None:
        """A work will not be started."""
        self.progress.skipped_one(work)

    def tick(self, view: View) -> None:
        """Draws and writes, as often as that is worth it."""
        self.progress.look(view)
        now = time.monotonic()
        if self._live is not None and now - self._drawn >= SCREEN:
            self._drawn = now
            self._draw()
        if now - self._written >= FILE:
            self._written = now
            self._write()

    def _draw(self) -> None:
        from dataenvgym_spec.cli.screen import screen

        assert self._live is not None
        width = self._live.console.width
        state = self.progress.state()
        self._live.update(screen(state, state.updated, width), refresh=True)

    def _write(self) -> None:
        write(self._layout.run_state, json_text(self.progress.state()))

    def _line(self, text: str) -> None:
        if self._live is None:
            click.echo(visible(text, limit=LONGEST))


def _on(place: str) -> str:
    return f" on {place}" if place else ""


def _live() -> Live:
    from rich.live import Live

    # It draws only when told to: a thread of its own would not survive a fork.
    return Live(auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
