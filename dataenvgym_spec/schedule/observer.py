"""Who looks on while works are done, and what there is to see."""

from __future__ import annotations

from typing import Protocol

from dataenvgym_spec.schedule.protocol import Finished, Standing, Work


class View(Protocol):
    """What lies ahead."""

    def upcoming(self, count: int) -> list[Work]:
        """The works that will be started next, at most so many."""

    def way(self) -> float:
        """The seconds of the longest way to the end, from the start of what runs now."""

    def is_crowded(self) -> bool:
        """Whether a work could start, and there is no room for it."""


class Observer(Protocol):
    """Hears of what happens, for whoever looks on."""

    def started(self, work: Work, standing: Standing) -> None:
        """A work was started: it runs, or waits where it was sent to."""

    def moved(self, work: Work, standing: Standing) -> None:
        """A work that was started stands otherwise than before."""

    def ended(self, finished: Finished, *, again: bool) -> None:
        """A work ended; `again` says that it will be tried once more."""

    def skipped(self, work: Work) -> None:
        """A work will not be started, because of a failure."""

    def tick(self, view: View) -> None:
        """Time has passed."""


class Unobserved:
    """Nobody looks on."""

    def started(self, work: Work, standing: Standing) -> None:
        """Ignores it."""

    def moved(self, work: Work, standing: Standing) -> None:
        """Ignores it."""

    def ended(self, finished: Finished, *, again: bool) -> None:
        """Ignores it."""

    def skipped(self, work: Work) -> None:
        """Ignores it."""

    def tick(self, view: View) -> None:
        """Ignores it."""
