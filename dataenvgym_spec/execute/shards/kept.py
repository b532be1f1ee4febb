"""Answers that other processes have made for an evaluation, until that has its result.

They are files beside the stage's scratch, one a shard. None of them is trusted by its name: each
says of which stage it is and from which inputs and by which releases it was made, and has a digest.
What does not fit is not used, and the stage asks the student itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from dataenvgym_spec.core.hashing import bytes_digest
from dataenvgym_spec.core.machine import versions
from dataenvgym_spec.gym.students.backends.protocol import Completion
from dataenvgym_spec.records.record import Record
from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.layout import ANSWERS

Answer = tuple[int | None, int, Completion]
"""The student by its iteration, the place of the prompt, and what was written."""


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
class Found:
    """What shards hold.

    Attributes:
        answers: by student and place.
        facts: what models ran on.
        seconds: what all of them took together, by phase and in `total`.
        count: how many shards they are from.
    """

    answers: dict[int | None, dict[int, Completion]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    count: int = 0

    def of(self, student: int | None) -> Mapping[int, Completion]:
        """The answers of one student."""
        return self.answers.get(student, {})

    def add(self, head: Head, answers: Sequence[Answer]) -> None:
        """Adds those of a shard."""
        for student, place, completion in answers:
            self.answers.setdefault(student, {})[place] = completion
        for name, value in head.facts.items():
            self.facts[name] = _both(self.facts.get(name, value), value)
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

    def path(self, number: int, count: int) -> Path:
        """The file of a shard."""
        return self.folder / f"{name_of(number, count)}{ANSWERS}"

    def write(
        self,
        path: Path,
        answers: Sequence[Answer],
        *,
        prompts: int,
        facts: Mapping[str, Any],
        seconds: Mapping[str, float],
    ) -> None:
        """Writes the file of a shard.

        Args:
            path: the file.
            answers: what it holds.
            prompts: how many each student is asked in the stage.
            facts: what the model ran on.
            seconds: what it took.
        """
        body = msgspec.json.encode(answers)
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

    def read(self, prompts: int, say: Callable[[str], None]) -> Found:
        """All that can be used of what is there.

        Args:
            prompts: how many each student is asked.
            say: hears of what cannot.
        """
        found = Found()
        for path in sorted(self.folder.glob(f"*{ANSWERS}")):
            whole = self.whole(path)
            if isinstance(whole, str):
                say(f"  shard {path.stem} is not used: {whole}")
            elif whole[0].prompts != prompts:
                say(f"  shard {path.stem} is not used: it is of other prompts")
            else:
                found.add(*whole)
        return found

    def whole(self, path: Path) -> tuple[Head, list[Answer]] | str:
        """What a file holds, or why it is not used."""
        try:
            first, _, body = path.read_bytes().partition(b"\n")
            head = msgspec.json.decode(first, type=Head)
            if head.digest != bytes_digest(body):
                return "it is damaged"
            answers = msgspec.json.decode(body, type=list[Answer])
        except (OSError, msgspec.DecodeError):
            return "it is damaged"
        if head.key != self.key:
            return "it is of another stage"
        if head.inputs != self.inputs:
            return "it was made from other inputs"
        if head.versions != _releases():
            return "it was made by other releases"
        if not all(0 <= place < head.prompts for _, place, _ in answers):
            return "it is of other prompts"
        return head, answers


def name_of(number: int, count: int) -> str:
    """What a shard is called: `2-of-3`."""
    return f"{number}-of-{count}"


def _releases() -> dict[str, str]:
    """The versions here; a build for another device is no other release."""
    return {name: release.partition("+")[0] for name, release in _compared()}


def _compared() -> Iterator[tuple[str, str]]:
    for name, release in versions().items():
        if not name.startswith("nvidia-"):
            yield name, release


def _both(one: Any, other: Any) -> Any:
    """A fact of two shards: names of both where they differ, of two numbers the larger."""
    if one == other:
        return one
    if isinstance(one, str) and isinstance(other, str):
        return " and ".join(sorted({*one.split(" and "), *other.split(" and ")}))
    return max(one, other)
