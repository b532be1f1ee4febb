"""Answers that were made for a stage before, until that has its result.

They are files beside the stage's scratch, one a shard, which other processes have made; and files
in it, of an attempt that was killed, which `keeping` reads. None of them is trusted by its name:
each says of which stage it is and from which inputs and by which releases it was made, and has a
digest. What does not fit is not used, and the stage asks itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from dataenvgym_spec.core.hashing import bytes_digest
from dataenvgym_spec.core.machine import versions
from dataenvgym_spec.execute.shards.part import Part
from dataenvgym_spec.gym.students.backends.protocol import Completion
from dataenvgym_spec.records.record import Record
from dataenvgym_spec.records.responses import Response
from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.layout import ANSWERS

Answer = tuple[int | None, int, Completion]
"""The student by its iteration, the place of the prompt, and what was written."""
Rows = TypeVar("Rows", list[Answer], list[Response])
Say = Callable[[str], None]


class Head(Record, frozen=True, kw_only=True):
    """What the first line of a shard says of the others.

    Attributes:
        key: of the stage.
        inputs: digests by path of what the stage reads.
        prompts: how many each student is asked.
        versions: of the packages that can change an answer.
        facts: what the model ran on, as a log says it.
        seconds: what it took, by phase and in `total`.
        digest: of the other lines.
    """

    key: str
    inputs: dict[str, str]
    prompts: int
    versions: dict[str, str]
    facts: dict[str, Any]
    seconds: dict[str, float]
    digest: str


@dataclass(slots=True, kw_only=True)
class Gathered:
    """What shards hold.

    Attributes:
        answers: of students, by student and place.
        responses: of teachers.
        facts: what models ran on.
        seconds: what all of them took together, by phase and in `total`.
        count: how many files they are from.
    """

    answers: dict[int | None, dict[int, Completion]] = field(default_factory=dict)
    responses: list[Response] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    count: int = 0

    def of(self, student: int | None) -> Mapping[int, Completion]:
        """The answers of one student."""
        return self.answers.get(student, {})

    def add(self, head: Head) -> None:
        """Adds the circumstances of a file."""
        for name, value in head.facts.items():
            self.facts[name] = both(self.facts.get(name, value), value)
        for phase, seconds in head.seconds.items():
            self.seconds[phase] = self.seconds.get(phase, 0.0) + seconds
        self.count += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shards:
    """The shards of one stage.

    Attributes:
        folder: where they are.
        key: of the stage.
        inputs: digests by path of what it reads now.
    """

    folder: Path
    key: str
    inputs: Mapping[str, str]

    def path(self, part: Part) -> Path:
        """The file of a shard."""
        return self.folder / f"{part.name}{ANSWERS}"

    def write(
        self,
        part: Part,
        rows: Sequence[Answer] | Sequence[Response],
        *,
        prompts: int = 0,
        facts: Mapping[str, Any],
        seconds: Mapping[str, float],
    ) -> None:
        """Writes the file of a shard.

        Args:
            part: which it is.
            rows: what it holds: answers of students, or of teachers.
            prompts: how many each student is asked in the stage.
            facts: what the model ran on.
            seconds: what it took.
        """
        self._write(self.path(part), rows, prompts=prompts, facts=facts, seconds=seconds)

    def keep(
        self,
        rows: Sequence[Answer],
        *,
        prompts: int,
        facts: Mapping[str, Any],
        seconds: Mapping[str, float],
    ) -> None:
        """Writes a file of answers of a stage, or of a shard, that goes on.

        Args:
            rows: what nobody has answered before.
            prompts: how many each student is asked in the stage.
            facts: what the model runs on.
            seconds: what they took.
        """
        student, place, _ = rows[0]
        name = f"{place}" if student is None else f"{student}-{place}"
        path = self.folder / f"{name}{ANSWERS}"
        self._write(path, rows, prompts=prompts, facts=facts, seconds=seconds)

    def _write(
        self,
        path: Path,
        rows: Sequence[Answer] | Sequence[Response],
        *,
        prompts: int,
        facts: Mapping[str, Any],
        seconds: Mapping[str, float],
    ) -> None:
        body = msgspec.json.encode(rows)
        head = Head(
            key=self.key,
            inputs=dict(self.inputs),
            prompts=prompts,
            versions=_releases(),
            facts=dict(facts),
            seconds=dict(seconds),
            digest=bytes_digest(body),
        )
        atomic.write_bytes(path, msgspec.json.encode(head) + b"\n" + body)

    def has(self, part: Part) -> bool:
        """Whether a shard is done."""
        return not isinstance(self._body(self.path(part)), str)

    def answers(
        self, prompts: int, say: Say, *, facts: Mapping[str, Any] | None = None
    ) -> Gathered:
        """All answers of students that can be used of what is there.

        Args:
            prompts: how many each student is asked.
            say: hears of what cannot.
            facts: what a model has to have run on; None where others may have run on something
                else, which the log then says.
        """
        found = Gathered()
        for path, head, rows in self._whole(list[Answer], say):
            within = all(0 <= place < prompts for _, place, _ in rows)
            if head.prompts != prompts or not within:
                say(f"  shard {path.stem} is not used: it is of other prompts")
                continue
            if facts is not None and head.facts != facts:
                say(f"  answers of an attempt before are not used: {_other(head.facts, facts)}")
                continue
            for student, place, completion in rows:
                found.answers.setdefault(student, {})[place] = completion
            found.add(head)
        return found

    def responses(self, say: Say) -> Gathered:
        """All responses of teachers that can be used of what is there.

        Args:
            say: hears of what cannot.
        """
        found = Gathered()
        for _, head, rows in self._whole(list[Response], say):
            found.responses += rows
            found.add(head)
        return found

    def _whole(self, kind: type[Rows], say: Say) -> Iterator[tuple[Path, Head, Rows]]:
        """What can be used of what is there, file by file."""
        for path in sorted(self.folder.glob(f"*{ANSWERS}")):
            whole = self._body(path)
            if not isinstance(whole, str):
                head, body = whole
                try:
                    yield path, head, msgspec.json.decode(body, type=kind)
                    continue
                except msgspec.DecodeError:
                    whole = "it is damaged"
            say(f"  shard {path.stem} is not used: {whole}")

    def _body(self, path: Path) -> tuple[Head, bytes] | str:
        """What a file holds, or why it is not used."""
        try:
            first, _, body = path.read_bytes().partition(b"\n")
            head = msgspec.json.decode(first, type=Head)
        except (OSError, msgspec.DecodeError):
            return "it is damaged"
        if head.digest != bytes_digest(body):
            return "it is damaged"
        if head.key != self.key:
            return "it is of another stage"
        if head.inputs != self.inputs:
            return "it was made from other inputs"
        if head.versions != _releases():
            return "it was made by other releases"
        return head, body


def _other(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """In what two models that ran differ."""
    names = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    return f"its model ran with another {', another '.join(names)}"


def _releases() -> dict[str, str]:
    """The versions here; a build for another device is no other release."""
    return {name: release.partition("+")[0] for name, release in _compared()}


def _compared() -> Iterator[tuple[str, str]]:
    for name, release in versions().items():
        if not name.startswith("nvidia-"):
            yield name, release


def both(one: Any, other: Any) -> Any:
    """A fact of two processes: names of both where they differ, of two numbers the larger."""
    if one == other:
        return one
    if isinstance(one, str) and isinstance(other, str):
        return " and ".join(sorted({*one.split(" and "), *other.split(" and ")}))
    return max(one, other)
