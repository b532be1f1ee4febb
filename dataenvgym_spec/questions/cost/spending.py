"""What stages have cost before, read from the store.

`stage.json` and `log/run.json` of those that are done.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.questions.cost.estimate import Past, PastStages, spent
from dataenvgym_spec.questions.cost.ranges import CostRange, total
from dataenvgym_spec.records.files import read_json
from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.records.progress import PROGRESS, Progress
from dataenvgym_spec.results.prices import Prices
from dataenvgym_spec.store.layout import Layout

MOST: Final = 100
"""How many logs of a kind are read, the latest."""


def latest(layout: Layout, kinds: Collection[str]) -> PastStages:
    """The latest logs in the store of stages of some kinds.

    What is damaged or of another version is left out.
    """
    directories = []
    for kind in sorted(kinds):
        directories += [path.parent.parent.name for path in _latest(layout.store, kind)]
    return _Reader(layout).history(directories)


class Accounts:
    """What stages have cost, each read once, however many experiments share it.

    Args of the constructor:
        layout: the repository.
        prices: the price table.
    """

    def __init__(self, layout: Layout, prices: Prices) -> None:
        self._layout, self._prices = layout, prices
        self._costs: dict[str, CostRange] = {}

    def of(self, stages: Iterable[Stage]) -> CostRange:
        """What those of some stages have cost that are done, in sum."""
        return total(map(self._cost, stages))

    def _cost(self, stage: Stage) -> CostRange:
        if stage.id not in self._costs:
            log = read_log(self._layout.stage(stage.directory) / "log" / "run.json")
            past = None if log is None else Past(stage=stage, log=log)
            self._costs[stage.id] = total(()) if past is None else spent(past, self._prices)
        return self._costs[stage.id]


def of_experiment(layout: Layout, name: str, *, without: str | None = None) -> PastStages:
    """The logs of the stages of one compiled experiment, those that are not done as they stand.

    Args:
        layout: the repository.
        name: of the experiment.
        without: a stage that is left out.
    """
    index = _json(layout.index(name))
    rows = index["stages"] if index is not None else []
    directories = [row["directory"] for row in rows if row["directory"] != without]
    return _Reader(layout, unfinished=True).history(directories)


def _latest(store: Path, kind: str) -> list[Path]:
    paths = list(store.glob(f"{kind}-*/log/run.json"))
    if len(paths) > MOST:
        paths = sorted(paths, key=lambda path: path.stat().st_mtime)[-MOST:]
    return paths


class _Reader:
    """Reads stages with those they read, each once."""

    def __init__(self, layout: Layout, *, unfinished: bool = False) -> None:
        self.layout, self.unfinished = layout, unfinished
        self.stages: dict[str, Stage | None] = {}

    def history(self, directories: Iterable[str]) -> PastStages:
        pasts = []
        for directory in directories:
            log = read_log(self.layout.stage(directory) / "log" / "run.json")
            if log is None and self.unfinished:
                log = _so_far(self.layout.scratch(directory) / PROGRESS)
            stage = self.stage(directory) if log is not None else None
            if log is not None and stage is not None:
                pasts.append(Past(stage=stage, log=log))
        known = {stage.id: stage for stage in self.stages.values() if stage is not None}
        return PastStages(pasts=tuple(pasts), known=known)

    def stage(self, directory: str) -> Stage | None:
        """A stage; what it reads, at any depth, is read too."""
        waiting = [directory]
        while waiting:
            name = waiting.pop()
            if name in self.stages:
                continue
            content = _json(self.layout.stage(name) / "stage.json")
            stage = self.stages[name] = _stage(content) if content is not None else None
            if content is not None and stage is not None:
                waiting += content["reads"].values()
        return self.stages[directory]


def _stage(content: dict[str, Any]) -> Stage | None:
    try:
        if content["semantics"] != KINDS[content["kind"]].semantics:
            return None
        named = all(isinstance(name, str) for name in content["reads"].values())
        return Stage.parse(content) if named else None
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def read_log(path: Path) -> Log | None:
    """A log that says how long the stage took; None where there is none."""
    try:
        log = Log.parse(_json(path))
    except ValueError:
        return None
    return log if "total" in log.seconds else None


def _so_far(path: Path) -> Log | None:
    """The log of a stage that is at work, or was."""
    try:
        return Progress.parse(_json(path)).log
    except ValueError:
        return None


def _json(path: Path) -> dict[str, Any] | None:
    try:
        content = read_json(path)
    except StageError:
        return None
    return content if isinstance(content, dict) else None
