"""What an experiment was when it was compiled before, from `experiments/` and from git.

The working tree holds it until the next compile; git holds it in any clone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import msgspec

from dataenvgym_spec.graph.ir import Stage, Use
from dataenvgym_spec.records.files import parse_json
from dataenvgym_spec.store.git.program import contents, git
from dataenvgym_spec.store.layout import Layout

DEPTH: Final = 8
"""How many commits of an experiment are looked at."""
GROUP: Final = 50
"""Of how many experiments an index is read at once."""


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

    Args of the constructor:
        layout: the repository.
        experiments: those that will be asked about, so that git is asked about all at once.
    """

    def __init__(self, layout: Layout, experiments: Sequence[str] = ()) -> None:
        self._layout = layout
        self._committed = _Committed(layout, experiments)
        self._read: dict[str, list[StageVersion]] = {}
        self._unread: dict[str, Iterator[StageVersion]] = {}

    def earlier(self, stage: Stage, uses: Sequence[Use]) -> dict[str, Any] | None:
        """The `stage.json` of the last stage that stood at this stage's position and was executed.

        None if there was no such stage.

        Args:
            stage: the stage.
            uses: where an experiment uses it.
        """
        positions = [_position(use.arm, use.seed, use.label()) for use in uses]
        for version in self._versions(uses[0].experiment):
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
        yield from self._committed.versions(experiment)

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


class _Committed:
    """Compiled forms of experiments as git has them.

    Args of the constructor:
        layout: the repository.
        experiments: those that will be asked about, in their order.
    """

    def __init__(self, layout: Layout, experiments: Sequence[str]) -> None:
        self._layout = layout
        self._order = tuple(experiments)
        self._places = {name: place for place, name in enumerate(experiments)}
        self._alone: dict[str, list[str]] = {}
        self._fetched: dict[tuple[str, int], StageVersion] = {}

    def versions(self, experiment: str) -> Iterator[StageVersion]:
        """Those of one, the newest first."""
        for number in range(len(self._commits(experiment))):
            if (experiment, number) not in self._fetched:
                self._fetch(experiment, number)
            yield self._fetched.pop((experiment, number))

    def _commits(self, experiment: str) -> Sequence[str]:
        """The commits that changed its index."""
        path = self._path(experiment)
        if experiment in self._places and len(self._order) > 1:
            return self._together.get(path, ())[:DEPTH]
        if experiment not in self._alone:
            log = _log(self._layout, path, f"-{DEPTH}")
            self._alone[experiment] = [commit for commit, _ in log]
        return self._alone[experiment]

    @cached_property
    def _together(self) -> dict[str, list[str]]:
        """The commits that changed each index of the repository."""
        commits: dict[str, list[str]] = {}
        for commit, paths in _log(self._layout, f":(glob){self._path('*')}"):
            for path in paths:
                commits.setdefault(path, []).append(commit)
        return commits

    def _fetch(self, experiment: str, number: int) -> None:
        """Reads a version of an experiment, and of some that will be asked about next."""
        place = self._places.get(experiment)
        group = (experiment,) if place is None else self._order[place : place + GROUP]
        objects = {}
        for name in group:
            commits = self._commits(name)
            if len(commits) > number:
                objects[name] = f"{commits[number]}:./{self._path(name)}"
        texts = contents(self._layout, objects.values())
        for name, object in objects.items():
            self._fetched[name, number] = _version(texts.get(object, b""))

    def _path(self, experiment: str) -> str:
        return self._layout.index(experiment).relative_to(self._layout.root).as_posix()


def _log(layout: Layout, where: str, *limits: str) -> Iterator[tuple[str, list[str]]]:
    """The commits that changed something, with the paths that each changed, the newest first."""
    # Of a merge, what is unlike all that was merged.
    form = ("--format=%x00%H", "--name-only", "--relative", "-c")
    text = git(layout, "log", *limits, *form, "--", where) or b""
    for part in text.decode("utf-8", "replace").split("\0")[1:]:
        commit, *paths = part.split()
        yield commit, paths


class _Use(msgspec.Struct):
    arm: str
    seed: int
    label: str


class _Row(msgspec.Struct):
    directory: str
    uses: tuple[_Use, ...]


class _Rows(msgspec.Struct):
    """Of a compiled index, what tells where its stages stand; it is some percent of the file."""

    stages: tuple[_Row, ...]


def _version(text: bytes) -> StageVersion:
    """The stages of a compiled index by position; none if it is damaged."""
    try:
        index = msgspec.json.decode(text, type=_Rows)
    except msgspec.DecodeError:
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
