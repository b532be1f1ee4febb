"""What an experiment was when it was compiled before, from `experiments/` and from git.

The working tree holds it until the next compile; git holds it in any clone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.records.experiment import Index
from dataenvgym_spec.records.files import parse_json
from dataenvgym_spec.store.git.program import git
from dataenvgym_spec.store.layout import Layout

DEPTH: Final = 8
"""How many commits of an experiment are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a stage stands in an experiment.

    Attributes:
        label: what a person calls it, without how many iterations there are in all.
    """

    arm: str
    seed: int
    label: str


StageVersion = dict[Position, str]
"""A compiled form of an experiment: the stage directory at each position."""


class CompiledVersions:
    """Earlier compiled forms of experiments, the newest first.

    Git is asked only if the working tree has no answer.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._read: dict[str, list[StageVersion]] = {}
        self._unread: dict[str, Iterator[StageVersion]] = {}

    def earlier(self, stage: Stage, experiment: str) -> dict[str, Any] | None:
        """The `stage.json` of the last stage that stood at this stage's position and was executed.

        None if there was no such stage.
        """
        uses = [use for use in stage.uses if use.experiment == experiment]
        positions = [_position(use.arm, use.seed, use.label()) for use in uses]
        for version in self._versions(experiment):
            for position in positions:
                directory = version.get(position)
                if directory is None or directory == stage.directory:
                    continue
                content = self._executed(directory)
                if content is not None:
                    return content
        return None

    def _versions(self, experiment: str) -> Iterator[StageVersion]:
        read = self._read.setdefault(experiment, [])
        unread = self._unread.setdefault(experiment, self._walk(experiment))
        yield from read
        for version in unread:
            read.append(version)
            yield version

    def _walk(self, experiment: str) -> Iterator[StageVersion]:
        path = self._layout.index(experiment)
        if path.is_file():
            yield _version(path.read_bytes())
        name = path.relative_to(self._layout.root).as_posix()
        commits = git(self._layout, "log", f"-{DEPTH}", "--format=%H", "--", name) or b""
        for commit in commits.decode().split():
            text = git(self._layout, "show", f"{commit}:./{name}") or b""
            yield _version(text)

    def _executed(self, directory: str) -> dict[str, Any] | None:
        """The `stage.json` in a directory, if DVC has a lock of it."""
        folder = self._layout.stage(directory)
        if not (folder / "dvc.lock").is_file():
            return None
        try:
            content = parse_json((folder / "stage.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) else None


def _version(text: bytes) -> StageVersion:
    """The stages of a compiled index by position; none if it is damaged."""
    try:
        index = Index.parse(parse_json(text.decode("utf-8", "replace")))
    except ValueError:
        return {}
    version = {}
    for stage in index.stages:
        for use in stage.uses:
            version[_position(use.arm, use.seed, use.label)] = stage.directory
    return version


def _position(arm: str, seed: int, label: str) -> Position:
    return Position(arm=arm, seed=seed, label=_without_total(label))


def _without_total(label: str) -> str:
    """A label without how many iterations there are in all.

    >>> _without_total("no-state, iteration 2/4, train")
    'no-state, iteration 2, train'
    """
    return re.sub(r"(, iteration \d+)/\d+", r"\1", label, count=1)
