"""The result of one stage as it stands in the store.

A stage counts as done when its `log/run.json` is there; it is published last. Whatever a stage has
not produced yet reads as None or empty, so that a running experiment can be read too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

from dataenvgym_spec.core.contents import Contents
from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.records import files
from dataenvgym_spec.records.experiment import StageUse
from dataenvgym_spec.records.logs import Log, LossPoint
from dataenvgym_spec.records.record import Record
from dataenvgym_spec.records.stored import Stored
from dataenvgym_spec.store.dvc.intact import REMEDY, is_altered

R = TypeVar("R", bound=Record)

EXAMPLES: Final = "examples.jsonl"
"""The file of a port that holds examples."""

_AGAIN: Final = (
    "dvc repro NAME, with --pull where a remote may have it (DVC restores or makes it anew)"
)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class StageResult:
    """One stage of the experiment and where it is used."""

    key: str
    kind: str
    path: Path
    inputs: tuple[str, ...]
    uses: tuple[StageUse, ...]

    def __repr__(self) -> str:
        """One line for a notebook: all fields, of every stage of a run, would fill it."""
        state = "done" if self.done else "not done"
        return f"<StageResult {self.path.name}: {state}>"

    @property
    def done(self) -> bool:
        """Whether its result is in the workspace."""
        return (self.path / "log" / "run.json").is_file()

    @property
    def log(self) -> Log | None:
        """The circumstances of its run; None if it is not done."""
        return read_record(self.path / "log" / "run.json", Log) if self.done else None

    @property
    def passed(self) -> bool:
        """Whether its loop had stopped, so that it only passed its input through."""
        log = self.log
        return log is not None and bool(log.passed)

    def port(self, name: str) -> Path:
        """The folder of a port.

        Raises:
            UserError: it is not what the stage's lock says.
        """
        if self.done:
            _require_intact(self.path, name)
        return self.path / "out" / name

    def record(self, port: str, name: str, kind: type[R]) -> R | None:
        """The record in a JSON file of a port; None if the stage is not done."""
        return read_record(self.port(port) / name, kind) if self.done else None

    def rows(self, port: str, name: str, kind: type[R]) -> list[R]:
        """The records in a JSON-lines file of a port; empty if the stage is not done."""
        return read_records(self.port(port) / name, kind) if self.done else []

    def each(
        self, port: str, name: str, kind: type[R], wanted: Callable[[str], bool] = files.whole
    ) -> Iterator[R]:
        """The same, read one after the other: there may be a million.

        Args:
            port: where they are.
            name: of the file.
            kind: theirs.
            wanted: whether one is read, by the text of its line.
        """
        if self.done:
            yield from each_record(self.port(port) / name, kind, wanted)

    def numbered(
        self, port: str, name: str, kind: type[R], wanted: Callable[[str], bool] = files.whole
    ) -> Iterator[tuple[int, R]]:
        """The same, each with its number among all records of the file."""
        counting = _Counting(wanted)
        for record in self.each(port, name, kind, counting):
            yield counting.number, record

    def count(self, port: str, name: str) -> int:
        """How many records a JSON-lines file of a port holds; 0 if the stage is not done."""
        return count_records(self.port(port) / name) if self.done else 0

    def tally(self) -> dict[str, dict[str, int]]:
        """What became of a check's candidates, by skill; empty if it is not done."""
        if not self.done:
            return {}
        content: dict[str, dict[str, int]] = _read_json(self.port("rejected") / "tally.json")
        return content

    def curve(self) -> list[LossPoint]:
        """The training curve; empty for other kinds."""
        path = self.path / "log" / "loss.jsonl"
        return read_records(path, LossPoint) if self.done and path.is_file() else []

    @property
    def work(self) -> str:
        """What it does, without the arm and iteration that its label has."""
        return self.uses[0].label.rpartition(", ")[2]

    def label(self, arm: str | None = None) -> str:
        """What a person calls it, in one arm."""
        return next(use.label for use in self.uses if arm is None or use.arm == arm)


class _Counting:
    """Says which records are read, and the number of the last that it was asked about."""

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self.wanted, self.number = wanted, -1

    def __call__(self, line: str) -> bool:
        self.number += files.whole(line)
        return self.wanted(line)


@cache  # of what is intact: an exception is not kept, and what was brought back is read again
def _require_intact(folder: Path, port: str) -> None:
    if is_altered(_contents(folder.parents[1]), folder, port):
        message = f"'{folder / 'out' / port}' is not what its lock says"
        raise UserError(message, help=REMEDY)


@cache
def _contents(root: Path) -> Contents:
    return Contents(root)


def read_record(path: Path, kind: type[R]) -> R:
    """Reads a file that holds one record.

    Raises:
        UserError: it is missing, damaged, or of another shape.
    """
    with _intact(path):
        return files.read(path, kind)


def read_records(path: Path, kind: type[R]) -> list[R]:
    """Reads a file that holds one record a line.

    Raises:
        UserError: it is missing, damaged, or of another shape.
    """
    return list(each_record(path, kind))


def each_record(
    path: Path, kind: type[R], wanted: Callable[[str], bool] = files.whole
) -> Iterator[R]:
    """Reads a file that holds one record a line, one after the other.

    Args:
        path: the file.
        kind: theirs.
        wanted: whether one is read, by the text of its line.

    Raises:
        UserError: it is missing, damaged, or of another shape.
    """
    with _intact(path, "remove its folder"):
        yield from files.read_some(path, kind, wanted)


def read_table(path: Path, kind: type[R]) -> dict[str, R]:
    """Reads a file that holds records by name.

    Raises:
        UserError: it is missing, damaged, or of another shape.
    """
    with _intact(path):
        return files.read_table(path, kind)


def stored(path: Path, kind: type[R]) -> Sequence[R]:
    """The records of a file that has one a line, by their numbers; none of them is held.

    Raises:
        UserError: it is missing.
    """
    with _intact(path, "remove its folder"):
        return Stored(path, kind)


def count_records(path: Path) -> int:
    """How many records a file holds that has one a line.

    Raises:
        UserError: it is missing.
    """
    with _intact(path, "remove its folder"):
        return files.count_of(path)


def _read_json(path: Path) -> Any:
    with _intact(path):
        return files.read_json(path)


@contextmanager
def _intact(path: Path, remedy: str = "run: dataenvgym compile") -> Iterator[None]:
    """Says of a file that is found damaged what makes it anew."""
    try:
        yield
    except StageError as error:
        help = f"{remedy}, then: {_AGAIN}"
        raise UserError(f"'{path}' is damaged or half-written", help=help) from error
