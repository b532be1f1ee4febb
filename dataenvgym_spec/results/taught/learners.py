"""Which trainings learned an example, by the rule that they take examples by.

What only a student's tokenizer could tell, or what has no result yet, stays a doubt.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from sys import maxsize
from typing import Final

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import read_json
from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.records.plans import Yield
from dataenvgym_spec.records.record import Record
from dataenvgym_spec.results.stage import EXAMPLES, StageResult, each_record, read_table
from dataenvgym_spec.results.taught.listed import Listed, listed
from dataenvgym_spec.results.taught.taking import Taking, stays, taken

ALL: Final = range(maxsize)
"""Every row of a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learner:
    """A training that learned an example.

    Attributes:
        stage: the training.
        doubt: why it may not have, in words; empty where it has.
    """

    stage: StageResult
    doubt: str = ""


class _Batch(Record, frozen=True, kw_only=True):
    batch_size: int | None = None


class _Params(Taking, frozen=True, kw_only=True):
    train: _Batch = _Batch()


class _Content(Record, frozen=True, kw_only=True):
    """Of a training's `stage.json`, what it takes and from where."""

    params: _Params
    inputs: tuple[tuple[str, str, str], ...]


class _Paired(Record, frozen=True, kw_only=True):
    """Of a pair no more than whose it is."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lesson:
    """What one training took.

    Attributes:
        rows: of the accepted examples of checks, by their keys; None where nothing says which.
        ids: of the examples that it learned among these; None where its log does not list them.
        doubts: why it may not have learned all of them.
    """

    rows: Mapping[str, Collection[int]] | None = field(default_factory=dict)
    ids: frozenset[str] | None = None
    doubts: tuple[str, ...] = ()

    def of(self, check: StageResult) -> Collection[int] | None:
        """The rows of a check that it may have taken; None if it was not given any."""
        return ALL if self.rows is None else self.rows.get(check.key)


class Learners:
    """The trainings among some stages, with what each took; that is worked out once for each."""

    def __init__(self, stages: Iterable[StageResult]) -> None:
        """Args: all stages of the experiments in question."""
        self._stages = {stage.key: stage for stage in stages}
        self._numbers = {key: number for number, key in enumerate(self._stages)}
        self._readers: dict[str, list[StageResult]] = {}
        for stage in self._stages.values():
            for key in dict.fromkeys(stage.inputs if stage.kind == "train" else ()):
                self._readers.setdefault(key, []).append(stage)
        self._lessons: dict[str, _Lesson] = {}
        self._listed: dict[str, list[Listed]] = {}

    def of(self, check: StageResult, row: int, id: str) -> tuple[Learner, ...]:
        """Who learned an accepted example.

        Args:
            check: the stage that accepted it.
            row: its number among those that the stage accepted.
            id: its own.
        """
        found = []
        for stage in self._readers.get(check.key, ()):
            lesson = self._lesson(stage)
            learned = lesson.ids is None or id in lesson.ids
            if learned and row in (lesson.of(check) or ()):
                found.append(Learner(stage=stage, doubt="; ".join(lesson.doubts)))
        return tuple(found)

    def given(self, check: StageResult) -> bool:
        """Whether any training may take from what a check accepted."""
        readers = self._readers.get(check.key, ())
        return any(self._lesson(stage).of(check) is not None for stage in readers)

    def rows(self, training: StageResult, check: StageResult) -> Collection[int]:
        """The numbers of the accepted examples of a check that a training took."""
        return self._lesson(training).of(check) or ()

    def _lesson(self, stage: StageResult) -> _Lesson:
        if stage.key not in self._lessons:
            self._lessons[stage.key] = self._read(stage)
        return self._lessons[stage.key]

    def _read(self, stage: StageResult) -> _Lesson:
        log = stage.log
        if log is not None and (log.passed or log.stayed):
            return _Lesson()
        content = _content(stage)
        if content is None:
            doubts = ("if it took it, which its stage.json does not say", *_doubts(log, None))
            return _Lesson(rows=None, doubts=doubts)
        params, keys = content.params, _keys(content, "accepted")
        ids = None if log is None else _paired(stage, log)
        doubts = _doubts(log, params.train.batch_size, listed=ids is not None)
        if not params.leaves_out and (log is not None or params.latest is None):
            return _Lesson(rows=dict.fromkeys(keys, ALL), ids=ids, doubts=doubts)
        read = [self._stages.get(key) for key in (*keys, *_keys(content, "others"))]
        there = [one for one in read if one is not None and one.done]
        if len(there) < len(read):
            doubts = ("if it is of the part that it takes, which is not known yet", *doubts)
            return _Lesson(rows=dict.fromkeys(keys, ALL), ids=ids, doubts=doubts)
        accepted, others = there[: len(keys)], there[len(keys) :]
        if stays(params, [check.port("accepted") for check in accepted]):
            return _Lesson()
        return _Lesson(rows=self._taken(params, accepted, others), ids=ids, doubts=doubts)

    def _taken(
        self, taking: Taking, accepted: Sequence[StageResult], others: Sequence[StageResult]
    ) -> dict[str, Collection[int]]:
        """The rows of each check that a training takes."""
        keys = {self._numbers[check.key]: check.key for check in accepted}
        given = list(map(self._list, accepted))
        yields = [read_table(check.port("yield") / "yield.json", Yield) for check in others]
        rows: dict[str, set[int]] = {check.key: set() for check in accepted}
        for one in taken(taking, given, yields).examples:
            rows[keys[one.file]].add(one.row)
        return {key: frozenset(some) for key, some in rows.items()}

    def _list(self, check: StageResult) -> list[Listed]:
        if check.key not in self._listed:
            examples = check.each("accepted", EXAMPLES, Example)
            self._listed[check.key] = listed(examples, self._numbers[check.key])
        return self._listed[check.key]


def _content(stage: StageResult) -> _Content | None:
    """What its `stage.json` says; None where it cannot be read."""
    try:
        return _Content.parse(read_json(stage.path / "stage.json"))
    except (OSError, StageError, msgspec.ValidationError):
        return None


def _keys(content: _Content, slot: str) -> list[str]:
    return [key for named, key, _ in content.inputs if named == slot]


def _paired(stage: StageResult, log: Log) -> frozenset[str] | None:
    """The examples of which a training learned pairs; None where its log does not say."""
    if log.pairs == 0:
        return frozenset()
    path = stage.path / "log" / "pairs.jsonl"
    if log.pairs is None or not path.is_file():
        return None
    ids = frozenset(row.id for row in each_record(path, _Paired))
    # Where nothing judges answers, pairs have no ids.
    return None if "" in ids else ids


def _doubts(log: Log | None, batch: int | None, *, listed: bool = False) -> tuple[str, ...]:
    """What the log of a training says of examples that it did not learn, but not of which."""
    return tuple(_said(log, batch, listed))


def _said(log: Log | None, batch: int | None, listed: bool) -> Iterator[str]:
    if log is None:
        yield "not trained yet"
        return
    if log.left_out:
        yield f"unless it is one of the {log.left_out} that left no room for an answer"
    if log.unpaired and not listed:
        yield f"unless it is one of the {log.unpaired} to which there was no worse answer"
    seen = log.steps * batch if log.steps is not None and batch is not None else maxsize
    if log.examples and seen < log.examples:
        yield f"if it was among the {seen} of {log.examples} that {log.steps} steps reached"
