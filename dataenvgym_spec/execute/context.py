"""What an executor is handed: the parameters, the ports it declared, its own places to write, and nothing else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataenvgym_spec.core.machine import stamp
from dataenvgym_spec.records.files import write_json


@dataclass(frozen=True, slots=True, kw_only=True)
class PortRead:
    """A port as an executor sees it: which slot it is plugged into, its name, and its directory."""

    slot: str
    port: str
    path: Path
    key: str


@dataclass(slots=True, kw_only=True)
class Context:
    """One run of one stage."""

    key: str
    params: dict[str, Any]
    reads: tuple[PortRead, ...]
    files: dict[str, Path]
    out_folder: Path
    log: Path
    work: Path
    say: Callable[[str], None]
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def ports(self, slot: str) -> list[PortRead]:
        """The ports plugged into a slot, in order."""
        return [read for read in self.reads if read.slot == slot]

    def path(self, slot: str, name: str) -> Path:
        """A file of the only port of a slot."""
        (read,) = self.ports(slot)
        return read.path / name

    def key_of(self, slot: str) -> str:
        """The key of the stage behind the only port of a slot."""
        (read,) = self.ports(slot)
        return read.key

    def out(self, port: str, name: str) -> Path:
        """Where to write a file of a port."""
        return self.out_folder / port / name

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Times a phase of the work for the log."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - start, 3)

    def record(self, **facts: Any) -> None:
        """Adds circumstances to the log: tokens, examples, device, precision."""
        self.facts.update(facts)

    def write_log(self, started: float) -> None:
        """Writes `log/run.json`."""
        seconds = {"total": round(time.time() - started, 3), **self.seconds}
        content = {
            "started": round(started, 3),
            "seconds": seconds,
            **stamp(),
            **self.facts,
        }
        write_json(self.log / "run.json", content)


def say(text: str) -> None:
    """Prints a line of progress at once."""
    print(text, flush=True, file=sys.stdout)
