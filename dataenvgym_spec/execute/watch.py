"""What is done while a stage asks teachers: its progress is kept and told, and limits are watched.

What stands in between is in `desk`; what a limit is held against, in `questions.cost.guard`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dataenvgym_spec.core.errors import LimitReached
from dataenvgym_spec.records.files import json_text
from dataenvgym_spec.records.progress import Progress
from dataenvgym_spec.results.prices import Prices
from dataenvgym_spec.results.projection import projections
from dataenvgym_spec.store import atomic

if TYPE_CHECKING:
    from dataenvgym_spec.questions.cost.guard import Allowance

KEPT: Final = 0.25
"""Seconds after which progress is written again."""
FIRST, AGAIN, SLOWER = 5.0, 10.0, 0.05
"""Seconds until a user is told first, and again; of what runs long, this part of its time."""


class Watch:
    """Watches one run of a stage.

    Args of the constructor:
        path: where its progress is kept; its folder exists. None where nobody looks at it.
        prices: reads what tokens cost.
        say: prints a line for the user.
        allowance: what may still be spent; None without limits.
        clock: seconds, that only go forward.
    """

    def __init__(
        self,
        *,
        path: Path | None,
        prices: Callable[[], Prices],
        say: Callable[[str], None],
        allowance: Allowance | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._read_prices, self._say = path, prices, say
        self._allowance, self._clock = allowance, clock
        self._prices: Prices | None = None
        self._began = self._kept = clock()
        self._due = self._began + FIRST
        self._told: list[str] = []

    def look(self, progress: Callable[[], Progress], *, last: bool = False) -> LimitReached | None:
        """Looks at how far a stage has come.

        Args:
            progress: makes a record of it.
            last: whether it asks for nothing more now.

        Returns:
            Why it has to pause; None if it may go on.
        """
        now = self._clock()
        is_due = self._due <= now or (last and bool(self._told))
        is_kept = now - self._kept >= KEPT or last
        if not (is_due or is_kept or self._allowance is not None):
            return None
        made = progress()
        if is_kept and self._path is not None:
            self._kept = now
            atomic.write(self._path, json_text(made))
        if is_due:
            self._tell(made)
            self._due = now + max(AGAIN, SLOWER * (now - self._began))
        return None if self._allowance is None else self._allowance.passed(made.log)

    def _tell(self, progress: Progress) -> None:
        if self._prices is None:
            self._prices = self._read_prices()
        lines = [f"  {one.text()}" for one in projections(progress, self._prices)]
        if lines != self._told:  # what was told last may have been the end
            self._told = lines
            for line in lines:
                self._say(line)
