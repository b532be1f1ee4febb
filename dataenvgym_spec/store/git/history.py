"""What an experiment was when it was compiled before: from `experiments/` here and, in any clone, from git."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any, Final

from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.store.layout import Layout

DEPTH: Final = 8
"""How many commits of an experiment are looked at."""

Place = tuple[str, int, str]


class History:
    """Earlier compiled forms of experiments, the newest first; git is asked only if the working tree has no answer."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._read: dict[str, list[dict[Place, str]]] = {}
        self._rest: dict[str, Iterator[dict[Place, str]]] = {}

    def earlier(self, stage: Stage, experiment: str) -> dict[str, Any] | None:
        """The `stage.json` of what stood at a stage's place before it, and was made once; None if nothing ever was."""
        places = [
            (use.arm, use.seed, _place(use.label()))
            for use in stage.uses
            if use.experiment == experiment
        ]
        for version in self._versions(experiment):
            for place in places:
                directory = version.get(place)
                if directory in (None, stage.directory):
                    continue
                content = self._made(str(directory))
                if content is not None:
                    return content
        return None

    def _versions(self, experiment: str) -> Iterator[dict[Place, str]]:
        known = self._read.setdefault(experiment, [])
        rest = self._rest.setdefault(experiment, self._walk(experiment))
        yield from known
        for version in rest:
            known.append(version)
            yield version

    def _walk(self, experiment: str) -> Iterator[dict[Place, str]]:
        path = self._layout.index(experiment)
        name = path.relative_to(self._layout.root).as_posix()
        if path.is_file():
            yield _places(path.read_text(encoding="utf-8", errors="replace"))
        for commit in self._git("log", f"-{DEPTH}", "--format=%H", "--", name).split():
            yield _places(self._git("show", f"{commit}:./{name}"))

    def _made(self, directory: str) -> dict[str, Any] | None:
        folder = self._layout.stage(directory)
        if not (folder / "dvc.lock").is_file():
            return None
        try:
            content = json.loads((folder / "stage.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) else None

    def _git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self._layout.root), *arguments]
        try:
            return subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                encoding="utf-8",
                errors="replace",
            ).stdout
        except OSError:
            return ""


def _places(text: str) -> dict[Place, str]:
    try:
        rows = json.loads(text)["stages"]
        return {
            (use["arm"], use["seed"], _place(use["label"])): row["directory"]
            for row in rows
            for use in row["uses"]
        }
    except (ValueError, KeyError, TypeError):
        return {}


def _place(label: str) -> str:
    """A label without how many iterations there are in all.

    >>> _place("no-state, iteration 2/4, train")
    'no-state, iteration 2, train'
    """
    return re.sub(r"(, iteration \d+)/\d+", r"\1", label, count=1)
