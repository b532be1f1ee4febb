"""What the works of a run have cost so far, by the logs of their stages."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.questions.cost.estimate import Past, spent
from dataenvgym_spec.records.files import read, read_json
from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.records.progress import PROGRESS, Progress
from dataenvgym_spec.results.prices import Prices
from dataenvgym_spec.schedule.protocol import Work
from dataenvgym_spec.store.layout import Layout

KEPT: Final = 2.0
"""Seconds for which what a running work has cost is not looked up again."""


class Spending:
    """Looks up what works have cost.

    Args of the constructor:
        layout: the repository.
        graph: the stages.
        prices: the price table.
        since: when the run began, in seconds since the epoch: what was made before is not counted.
        clock: seconds, that only go forward.
    """

    def __init__(
        self,
        layout: Layout,
        graph: Graph,
        prices: Prices,
        *,
        since: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._layout, self._prices = layout, prices
        self._since, self._clock = since, clock
        self._stages: Mapping[str, Stage] = {stage.directory: stage for stage in graph.stages}
        self._known: dict[str, tuple[float, float]] = {}
        """When the cost of a work was looked up, and what it was."""

    def __call__(self, work: Work, *, last: bool) -> float:
        """US dollars.

        Args:
            work: the work.
            last: whether it has ended.
        """
        stage = self._stages.get(work.id)
        if stage is None:
            return 0.0
        now = self._clock()
        looked, usd = self._known.get(work.id, (0.0, 0.0))
        if last or now - looked >= KEPT:
            usd = self._usd(stage)
            self._known[work.id] = (now, usd)
        if last:
            del self._known[work.id]
        return usd

    def _usd(self, stage: Stage) -> float:
        directory = stage.directory
        log = _finished(self._layout.stage(directory) / "log" / "run.json")
        if log is None or log.started < self._since:
            log = _unfinished(self._layout.scratch(directory) / PROGRESS)
        if log is None or log.started < self._since:
            return 0.0
        return spent(Past(stage=stage, log=log), self._prices).usd.high


def _finished(path: Path) -> Log | None:
    try:
        return Log.parse(read_json(path))
    except (StageError, msgspec.ValidationError):
        return None


def _unfinished(path: Path) -> Log | None:
    try:
        return read(path, Progress).log
    except StageError:
        return None
