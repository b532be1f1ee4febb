"""Commands measured in processes of their own, tables, and bounds that must hold."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

OUTPUT_SHOWN = 2000
"""Characters of a failed command's output that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a process took: seconds and megabytes, and what it printed."""

    wall: float
    cpu: float
    megabytes: float
    out: str


def measured(*command: str, cwd: Path, **variables: str) -> Usage:
    """Runs a command with these environment variables; it must succeed."""
    environment = {**os.environ, **variables}
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    out = process.stdout.read()
    # `wait4` instead of `wait`: only the kernel knows CPU seconds and memory of one child.
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        name = " ".join(command)[:200]
        raise SystemExit(f"{name} exited {process.returncode}\n{out[-OUTPUT_SHOWN:]}")
    cpu = usage.ru_utime + usage.ru_stime
    return Usage(wall=wall, cpu=cpu, megabytes=usage.ru_maxrss / 1000, out=out)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a Markdown table."""
    rule = ["---"] * len(head)
    for row in (head, rule, *rows):
        print(f"| {' | '.join(row)} |")
    print(flush=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A figure and what it may be at most."""

    name: str
    value: float
    limit: float
    unit: str

    @property
    def holds(self) -> bool:
        """Whether the figure is within the bound."""
        return self.value <= self.limit

    def row(self) -> list[str]:
        """As a row of a table."""
        verdict = "holds" if self.holds else "**broken**"
        return [
            self.name,
            f"{self.value:.2f} {self.unit}",
            f"{self.limit:g} {self.unit}",
            verdict,
        ]


class Bounds:
    """The bounds of the project, and which of them were broken."""

    def __init__(self) -> None:
        self._bounds: list[Bound] = []

    def at_most(self, name: str, value: float, limit: float, unit: str) -> None:
        """Compares a figure with its bound."""
        self._bounds.append(Bound(name=name, value=value, limit=limit, unit=unit))

    def table(self) -> bool:
        """Prints all; returns whether all hold."""
        table(["bound", "measured", "at most", ""], [bound.row() for bound in self._bounds])
        return all(bound.holds for bound in self._bounds)
