"""A desk of a stage, and teachers and an engine for it that need no model."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from dataenvgym_spec.core.hashing import unit_interval
from dataenvgym_spec.execute.desk import Desk
from dataenvgym_spec.execute.journaled import Journaled
from dataenvgym_spec.gym import Ask, Example, Item, Reply, Request, Teacher, Tools
from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.language.declaration import declare
from dataenvgym_spec.store.journal import Journal
from tests.support.components import Install

COUNTING: Final = {
    "counts": {"type": "string", "description": "A file."},
    "in_flight": {"type": "integer", "minimum": 1, "maximum": 64, "default": 1, "description": "."},
    "key_env": {"type": "string", "default": "A_KEY", "description": ".", "x-circumstance": True},
}
TEACHER: Final = {"type": "string", "x-refers": "teacher", "description": "Who is asked."}


def counted(install: Install, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Makes the teacher `counting` and the engine `asking` known; gives the file that counts what is asked."""
    for slot, kind, properties in (
        ("teacher", "counting", COUNTING),
        ("engine", "asking", {"teacher": TEACHER}),
    ):
        install(slot, kind)
        data = {"title": kind, "description": ".", "semantics": 1, "properties": properties}
        name = f"{__name__}:{kind.title()}"
        item = declare(slot, kind, data, implementation=name, by="pytest")
        monkeypatch.setitem(definitions()[slot], kind, item)
    (folder / "counts").touch()
    return folder / "counts"


class Counting:
    """A teacher that answers each question with a number made of it, and writes a byte a request into a file.

    One that finds a key says it in an error, as a library may.
    """

    def __init__(self, *, counts: str, in_flight: int = 1, key_env: str = "") -> None:
        self.counts, self.in_flight, self.secret = Path(counts), in_flight, os.environ.get(key_env)

    def answer(self, asks: Sequence[Ask]) -> Iterator[Reply]:
        """With several in flight, those that came in last are answered first."""
        for start in range(0, len(asks), self.in_flight):
            if self.secret:
                raise ValueError(f"no header can hold 'Bearer {self.secret}'")
            some = asks[start : start + self.in_flight]
            with self.counts.open("ab") as file:
                file.write(b"." * len(some))
            for ask in reversed(some):
                for sample in reversed(range(ask.samples)):
                    yield reply(ask, number(ask, sample), sample=sample)


class Said:
    """A teacher that answers by a function, and remembers what it was asked."""

    def __init__(self, say: Callable[[Ask, int], str]) -> None:
        self.say, self.asked = say, list[Ask]()

    def answer(self, asks: Sequence[Ask]) -> Iterator[Reply]:
        for ask in asks:
            self.asked.append(ask)
            for sample in range(ask.samples):
                yield reply(ask, self.say(ask, sample), sample=sample)


class Asking:
    """An engine that asks a teacher for each example by itself."""

    def __init__(self, *, teacher: Teacher) -> None:
        self.teacher = teacher

    def generate(self, requests: Sequence[Request], tools: Tools) -> Iterator[Example]:
        whole = [(request, turn) for request in requests for turn in range(request.count)]
        asks = [
            Ask.of(f"{request.id}-{turn}", f"{request.id} number {turn}", seed=tools.seed)
            for request, turn in whole
        ]
        for (request, turn), answer in zip(whole, self.teacher.answer(asks), strict=True):
            made = Item(
                id=f"{request.id}-{turn}", input=f"{request.id} {turn}", target=answer.text,
                group=request.id, cluster=answer.ask,
            )  # fmt: skip
            yield Example.of(made, request)


def number(ask: Ask, sample: int = 0) -> str:
    """What `Counting` answers."""
    return str(round(1e6 * unit_interval("said", [ask.messages[-1].content, ask.seed, sample])))


def reply(ask: Ask, text: str, **more: Any) -> Reply:
    """A whole answer that took two tokens to read and one to write."""
    given = {"tokens": {"prompt": 2, "generated": 1}, "finish": "stop", "model": "m-1", **more}
    return Reply(ask=ask.id, text=text, **given)


def desk(folder: Path, journal: Path | None = None, **more: Any) -> Desk:
    """A desk whose log is in a folder, and its journal too unless another one is named."""
    (folder / "log").mkdir(parents=True, exist_ok=True)
    given: dict[str, Any] = {"stage": "k" * 64, "seed": 7, "name": "generate-kkkk", **more}

    def open_journal() -> Journal:
        where = journal or folder
        return Journal(where / "journal" / "journal.sqlite", say=lambda _line: None)

    return Desk(log=folder / "log", open_journal=open_journal, **given)


def journaled(at: Desk, teacher: Teacher, identity: Any = "t") -> Journaled:
    """A teacher with the journal in front of it."""
    return Journaled(lambda: teacher, identity=identity, desk=at, name="m-1", kind="made")


def questions(count: int, **more: Any) -> list[Ask]:
    """Some questions."""
    return [Ask.of(f"q-{turn}", f"what is {turn}?", **more) for turn in range(count)]


def killed(work: Callable[[], object], moment: Callable[[], bool]) -> bool:
    """Does work in a fork of this process and kills that at a moment; returns whether it was still at work."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    while not moment():
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert status == 0
            return False
    os.kill(child, 9)
    os.waitpid(child, 0)
    return True


def moments(count: int, total: int, seed: int = 0) -> list[int]:
    """How many requests the teacher has had when a process is killed, ascending."""
    rng = random.Random(seed)
    return sorted(rng.randrange(total) for _ in range(count))
