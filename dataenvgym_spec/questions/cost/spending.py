"""What stages have cost before, read from the store.

`stage.json` and `log/run.json` of those that are done.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.questions.cost.estimate import Past, PastStages
from dataenvgym_spec.store.layout import Layout

MOST: Final = 100
"""How many logs of a kind are read, the latest."""


def latest(layout: Layout, kinds: Collection[str]) -> PastStages:
    """The latest logs in the store of stages of some kinds.

    What is damaged or of another version is left out.
    """
    return of(
        layout,
        [path.parent.parent.name for kind in sorted(kinds) for path in _latest(layout.store, kind)],
    )


def of(layout: Layout, directories: Iterable[str]) -> PastStages:
    """The logs of those of some stages that are done."""
    return _Reader(layout).history(directories)


def of_experiment(layout: Layout, name: str) -> PastStages:
    """The logs of the stages of one compiled experiment that are done."""
    index = _json(layout.index(name))
    return of(layout, [row["directory"] for row in index["stages"]] if index else [])


def _latest(store: Path, kind: str) -> list[Path]:
    paths = list(store.glob(f"{kind}-*/log/run.json"))
    return (
        paths
        if len(paths) <= MOST
        else sorted(paths, key=lambda path: path.stat().st_mtime)[-MOST:]
    )


class _Reader:
    """Reads stages with those they read, each once."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.found: dict[str, Stage | None] = {}

    def history(self, directories: Iterable[str]) -> PastStages:
        pasts = []
        for directory in directories:
            log = _json(self.layout.stage(directory) / "log" / "run.json")
            stage = self.stage(directory) if log and "total" in log.get("seconds", {}) else None
            if log and stage:
                pasts.append(Past(stage=stage, log=log))
        return PastStages(
            pasts=tuple(pasts), known={stage.id: stage for stage in self.found.values() if stage}
        )

    def stage(self, directory: str) -> Stage | None:
        waiting = [directory]
        while waiting:
            name = waiting.pop()
            if name not in self.found:
                content = _json(self.layout.stage(name) / "stage.json")
                self.found[name] = _stage(content) if content else None
                waiting += content["reads"].values() if content and self.found[name] else ()
        return self.found[directory]


def _stage(content: dict[str, Any]) -> Stage | None:
    try:
        if content["semantics"] != KINDS[content["kind"]].semantics:
            return None
        return Stage.parse(content)
    except (KeyError, TypeError, ValueError):
        return None


def _json(path: Path) -> dict[str, Any] | None:
    try:
        content = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
    return content if isinstance(content, dict) else None
