"""What runners of clusters share: the machine that drives a run, and the works that stay on it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.questions.cost.guard import LIMITS, guard
from dataenvgym_spec.schedule.protocol import Finished, Runner, Standing, Work
from dataenvgym_spec.store.layout import Layout

INTERRUPTED: Final = 130
"""The exit code of a work that the user has stopped."""
HERE: Final = Standing(place="this machine")
"""Of what runs on the machine that drives the run."""
FULL: Final = Standing(waits="for room on this machine")
"""Of what will."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Driving:
    """The machine that drives a run.

    Attributes:
        layout: its clone of the repository.
        local: runs the works that stay on it.
        variables: what the environment of a work has besides.
        made: hears of each work that was done elsewhere.
    """

    layout: Layout
    local: Runner
    variables: Callable[[Work], Mapping[str, str]]
    made: Callable[[Work], None] = lambda _work: None

    def admit(self, work: Work) -> Mapping[str, str]:
        """The variables of a work that is about to go elsewhere.

        Raises:
            LimitReached: nothing may be spent on it.
        """
        given = self.variables(work)
        if LIMITS in given:
            guard(self.layout, given)
        return given

    def is_limited(self, work: Work) -> bool:
        """Whether what may still be spent on a work is known only when it starts."""
        return LIMITS in self.variables(work)


class News:
    """How works stand for which that has changed, until somebody asks."""

    def __init__(self) -> None:
        self._last: dict[str, Standing] = {}
        """What was said of each work."""
        self._new: list[tuple[Work, Standing]] = []

    def said(self, work: Work, standing: Standing) -> Standing:
        """Notes what is said of a work anyway, and returns it."""
        self._last[work.id] = standing
        return standing

    def tell(self, work: Work, standing: Standing) -> None:
        """Says how a work stands, unless that was said last."""
        last = self._last.get(work.id)
        if last is None or (last.place, last.waits) != (standing.place, standing.waits):
            self._new.append((work, self.said(work, standing)))

    def take(self) -> list[tuple[Work, Standing]]:
        """All that is new."""
        new, self._new = self._new, []
        return new


class Beside:
    """The works that stay on this machine, while others are done elsewhere.

    Args of the constructor:
        local: runs them.
        news: hears when one starts that has waited.
    """

    def __init__(self, local: Runner, news: News) -> None:
        self._local, self._news = local, news
        self._waiting: deque[Work] = deque()
        self._running = 0

    def __len__(self) -> int:
        return self._running + len(self._waiting)

    def fits(self, work: Work) -> bool:
        """Whether a work would start at once."""
        return not self._waiting and self._local.fits(work)

    def start(self, work: Work) -> Standing:
        """Starts a work as soon as there is room."""
        self._waiting.append(work)
        standing = self._news.said(work, FULL)
        self._start()
        return standing

    def ended(self, timeout: float = 0) -> list[Finished]:
        """The works that have ended since the last call.

        Args:
            timeout: the most seconds to wait for the first of them.
        """
        found: list[Finished] = []
        while self._running:
            finished = self._local.finished(0 if found else timeout)
            if finished is None:
                break
            self._running -= 1
            found.append(finished)
        self._start()
        return found

    def stop(self, *, now: bool) -> list[Finished]:
        """Ends all that runs; returns those that have not been started."""
        self._local.stop(now=now)
        waiting = [Finished(work=work, code=INTERRUPTED) for work in self._waiting]
        self._waiting.clear()
        return waiting

    def _start(self) -> None:
        while self._waiting and self._local.fits(self._waiting[0]):
            work = self._waiting.popleft()
            self._local.start(work)
            self._news.tell(work, HERE)
            self._running += 1
