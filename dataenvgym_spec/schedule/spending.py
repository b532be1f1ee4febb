"""What the works of a run have cost so far, by the logs of their stages."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.questions.cost.estimate import Past, spent
from dataenvgym_spec.questions.cost.pricing import painters_of, teachers_of
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
        self._known: dict[str, tuple[float, float | None]] = {}
        """When the log of a work was looked at, and what it had cost by it; None without one."""

    def __call__(self, work: Work, seconds: float, *, last: bool) -> float | None:
        """US dollars; None while nobody here can know.

        Args:
            work: the work.
            seconds: for how long it has been running.
            last: whether it has ended.
        """
        stage = self._stages.get(work.id)
        if stage is None:
            # The time of a shard is in the log of its stage.
            return 0.0 if last or work.shard is None or not self._time(work, 1.0) else None
        now = self._clock()
        looked, logged = self._known.get(work.id, (-math.inf, None))
        if last or now - looked >= KEPT:
            logged = self._logged(stage)
            self._known[work.id] = (now, logged)
        if last:
            del self._known[work.id]
        if logged is not None:
            return logged
        return self._time(work, seconds) if last or not self._asks(stage) else None

    def _logged(self, stage: Stage) -> float | None:
        """What a stage has cost by its log, as far as there is one."""
        directory = stage.directory
        there = Layout(root=self._layout.nodes / directory)
        logs = (
            _finished(self._layout.stage(directory) / "log" / "run.json"),
            _unfinished(self._layout.scratch(directory) / PROGRESS),
            # A machine of a cluster that sees this clone.
            _unfinished(there.scratch(directory) / PROGRESS),
        )
        found = [log for log in logs if log is not None and log.started >= self._since]
        return spent(Past(stage=stage, log=found[0]), self._prices).usd.high if found else None

    def _asks(self, stage: Stage) -> bool:
        """Whether a stage asks somebody whose answers have a price."""
        asked = any(self._prices.of(one) is not None for one in teachers_of(stage))
        return asked or any(self._prices.of_image(one) is not None for one in painters_of(stage))

    def _time(self, work: Work, seconds: float) -> float:
        """What machines cost for so long."""
        gpus = work.needs.gpus * work.needs.machines
        return self._prices.time(seconds, seconds * gpus)


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
