"""What an executor is handed.

The parameters, the ports it declared, its own places to write, and nothing else.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.hashing import SHORT
from dataenvgym_spec.core.machine import device_stamp, stamp, threads_of, with_required
from dataenvgym_spec.core.streamed import Streamed
from dataenvgym_spec.core.text import size_text
from dataenvgym_spec.execute.desk import Desk
from dataenvgym_spec.execute.journaled import around
from dataenvgym_spec.execute.shards.kept import Gathered, Shards
from dataenvgym_spec.graph.component import Circumstances, Component
from dataenvgym_spec.graph.parameters import Params
from dataenvgym_spec.gym.make import Described, make
from dataenvgym_spec.gym.students.models.protocol import Found
from dataenvgym_spec.gym.tasks.scoring import Judge
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.files import (
    each,
    read,
    read_table,
    write_json,
    write_rows,
    write_table,
)
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.records.record import Record
from dataenvgym_spec.records.students import REFERENCE, StudentReference
from dataenvgym_spec.store.outside import Students

P = TypeVar("P", bound=Params)
R = TypeVar("R", bound=Record)

MODEL_FACTS: Final = ("backend", "device", "gpus", "precision")
"""What the log of a stage tells of the models that it runs, besides what they ran on."""
READ: Final = {"student": ("student", "base"), "pool-results": ("pool", "answers")}
"""The slots of what a component is declared to read, where they are called otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortRead:
    """A port as an executor sees it: which slot it is plugged into, its name, and its directory.

    Attributes:
        key: of the stage that wrote it.
        digest: of what it holds; empty where nobody has worked it out.
    """

    slot: str
    port: str
    path: Path
    key: str
    digest: str = ""


@dataclass(slots=True, kw_only=True)
class Context(Generic[P]):
    """One run of one stage.

    Attributes:
        shards: where other processes leave what they have done of it.
        kept: where this one keeps what it has done, for an attempt after it.
        elsewhere: the seconds that other processes and attempts before took for it.
        verify: raises if what it reads is not what it was when it began.
    """

    key: str
    params: P
    reads: tuple[PortRead, ...]
    files: dict[str, Path]
    out_folder: Path
    log: Path
    work: Path
    say: Callable[[str], None]
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    students: Students | None = None
    judges: list[Judge] = field(default_factory=list)
    circumstances: Circumstances = field(default_factory=dict)
    desk: Desk | None = None
    shards: Shards | None = None
    kept: Shards | None = None
    elsewhere: float = 0.0
    verify: Callable[[], None] = lambda: None

    def ports(self, slot: str) -> list[PortRead]:
        """The ports plugged into a slot, in order."""
        return [port for port in self.reads if port.slot == slot]

    def path(self, slot: str, name: str) -> Path:
        """A file of the only port of a slot."""
        (port,) = self.ports(slot)
        return port.path / name

    def key_of(self, slot: str) -> str:
        """The key of the stage behind the only port of a slot."""
        (port,) = self.ports(slot)
        return port.key

    def one(self, slot: str, name: str, record: type[R]) -> R | None:
        """The record that a file of the only port of a slot holds; None if nothing is plugged in.

        Raises:
            StageError: the file is missing or damaged.
        """
        return read(self.path(slot, name), record) if self.ports(slot) else None

    def all(self, slot: str, name: str, record: type[R]) -> list[R]:
        """The records of a file of all ports of a slot, in order.

        Raises:
            StageError: a file is missing or damaged.
        """
        return list(self.each(slot, name, record))

    def each(self, slot: str, name: str, record: type[R]) -> Streamed[R]:
        """The same, read one after the other each time that they are gone through.

        Raises:
            StageError: while they are read, a file is missing or damaged.
        """
        paths = [port.path / name for port in self.ports(slot)]
        return Streamed(lambda: chain.from_iterable(each(path, record) for path in paths))

    def table(self, slot: str, name: str, record: type[R]) -> dict[str, R] | None:
        """The records by name that a file of the only port of a slot holds.

        None if nothing is plugged in.

        Raises:
            StageError: the file is missing or damaged.
        """
        return read_table(self.path(slot, name), record) if self.ports(slot) else None

    def out(self, port: str, name: str) -> Path:
        """Where to write a file of a port."""
        return self.out_folder / port / name

    def write(self, port: str, name: str, content: Record | Mapping[str, Any]) -> None:
        """Writes a JSON file of a port."""
        write_json(self.out(port, name), content)

    def write_rows(self, port: str, name: str, rows: Iterable[Record]) -> None:
        """Writes a file of a port that holds one record a line."""
        write_rows(self.out(port, name), rows)

    def write_table(self, port: str, name: str, table: Mapping[str, Record]) -> None:
        """Writes a file of a port that holds records by name."""
        write_table(self.out(port, name), table)

    def folder(self, port: PortRead) -> Path:
        """The folder of the student that a port holds or refers to.

        Raises:
            StageError: it refers to one that cannot be had.
        """
        return port.path if self.students is None else self.students.folder(port.path)

    def refer(self, model: Component, found: Found) -> None:
        """Writes a reference to a student that exists, in its place."""
        assert self.students is not None
        size = self.students.size(found)
        stage = f"student-{self.key[:SHORT]}"
        reference = StudentReference(model=model.plain(), size=size, stage=stage)
        self.write("student", REFERENCE, reference)
        self.say(f"  refers to '{found.folder}', {size_text(size)}")

    def make(self, component: Component, **more: Any) -> Any:
        """An instance of a component.

        One that is declared to read a student is handed its folder, and one that reads the pool
        its items; so is each of its parts. In front of teachers stands the journal.

        Raises:
            MissingExtra: a package it needs is not installed.
            UserError: it is not installed, or in another version.
        """
        arranged = component.under(self.circumstances)
        journal = None if self.desk is None else around(self.desk, self._read)
        return make(arranged, files=self.files, hand=self._hand, around=journal, **more)

    def _read(self, word: str) -> list[list[str]]:
        """What identifies what a component reads: a student trained anew is another one."""
        slots = READ.get(word, (word,))
        ports = [port for slot in slots for port in self.ports(slot)]
        return [[port.slot, port.key, port.digest] for port in ports]

    def _hand(self, component: Described) -> Mapping[str, Any]:
        """What a component is declared to read."""
        declared = definition(component.slot, component.kind)
        reads = declared.read_with(component.options, component.parts)
        if reads == "student" and component.slot != "check":
            return self.student()
        if reads == "base":
            return self.untaught()
        if reads not in ("pool", "pool-results"):
            return {}
        handed: dict[str, Any] = {"pool": self.all("pool", "items.jsonl", Item)}
        if reads == "pool-results":
            answered = self.all("answers", "results.jsonl", Result)
            handed["results"] = answered if self.ports("answers") else None
        return handed

    def judge(self, scorer: Component) -> Judge:
        """What judges answers by a scorer. Its process ends with this run."""
        judge = Judge(scorer, files=self.files)
        self.judges.append(judge)
        return judge

    def close(self) -> None:
        """Ends the processes of this run."""
        for judge in self.judges:
            judge.close()
        if self.desk is not None:
            self.desk.close()

    def student(self) -> dict[str, Path | None]:
        """The folder of the latest student, and that of the base if it is an adapter."""
        students, bases = self.ports("student"), self.ports("base")
        if not students:  # before the loop the latest is the base
            return self.untaught()
        base = self.folder(bases[0]) if bases else None
        return {"student": self.folder(students[0]), "base": base}

    def untaught(self) -> dict[str, Path | None]:
        """The folder of the base student."""
        bases = self.ports("base")
        return {"student": self.folder(bases[0]), "base": None} if bases else {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Times a phase of the work for the log."""
        start = time.monotonic()
        try:
            yield
        finally:
            spent = self.seconds.get(name, 0.0) + time.monotonic() - start
            self.seconds[name] = round(spent, 3)

    def shared(self, found: Gathered) -> None:
        """Notes what other processes have done of the work, and what that took them."""
        if not found.count:
            return
        self.say(f"  {found.count} shards have asked for a part of it")
        self.record(**found.facts, shards=found.count)
        self._took(found)

    def resumed(self, found: Gathered) -> None:
        """Notes what an attempt before has done of the work, and what that took it."""
        count = sum(map(len, found.answers.values()))
        if count:
            self.say(f"  goes on: {count} answers are there of an attempt before")
            self._took(found)

    def _took(self, found: Gathered) -> None:
        for phase, more in found.seconds.items():
            if phase == "total":
                self.elsewhere += more
            else:
                self.seconds[phase] = round(self.seconds.get(phase, 0.0) + more, 3)

    def record(self, **facts: Any) -> None:
        """Adds circumstances to the log: tokens, examples, device, precision; see `Log`."""
        self.facts.update(facts)

    def write_log(self, started: float, total: float) -> None:
        """Writes `log/run.json`.

        Args:
            started: in seconds since the epoch.
            total: what it took in this process, in seconds.
        """
        seconds = {"total": round(total + self.elsewhere, 3), **self.seconds}
        if self.elsewhere:
            self.record(elsewhere=round(self.elsewhere, 3))
        for judge in self.judges:
            self.record(sandbox=judge.where)
            if judge.unreadable:
                self.record(unreadable=dict(sorted(judge.unreadable.items())))
        if self.desk is not None:
            self.record(**self.desk.facts())
        facts = {**stamp(with_required(self._packages())), **self.devices(), **self.facts}
        log = Log(started=round(started, 3), seconds=seconds, **facts)
        write_json(self.log / "run.json", log)

    def _packages(self) -> set[str]:
        """The packages that bring the components of this stage, besides this one."""
        packages = set()
        for _, component in self.params.components():
            for part in component.walk():
                with suppress(UserError):  # it is not needed where the loop has stopped
                    packages.add(part.definition.distribution)
        return {package for package in packages if package}

    def model_facts(self) -> dict[str, Any]:
        """What is told of a model of this stage, and of what it ran on, where it is asked apart."""
        told = {name: value for name, value in self.facts.items() if name in MODEL_FACTS}
        return {**self.devices(), **told}

    def devices(self) -> dict[str, Any]:
        """What a model of this stage ran on."""
        return devices(self.facts.get("device"))


def devices(device: str | None) -> dict[str, Any]:
    """The hardware here that a model on a device runs on; empty without one."""
    found: dict[str, Any] = dict(device_stamp(device))
    threads = threads_of(device)
    if threads is not None:
        found["threads"] = threads
    return found


def say(text: str) -> None:
    """Prints a line of progress at once."""
    print(text, flush=True, file=sys.stdout)
