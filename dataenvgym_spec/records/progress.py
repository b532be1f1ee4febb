"""How far a stage has come that asks teachers, while it does."""

from __future__ import annotations

from typing import Final

from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.records.record import Record

PROGRESS: Final = "progress.json"
"""The file in a stage's scratch that says how far it has come."""


class Asked(Record, frozen=True, kw_only=True):
    """How far one teacher is with what it was asked so far.

    Attributes:
        wanted: answers that are wanted of it.
        received: answers that have come since the stage began.
        seconds: since it was asked for the first of these.
    """

    wanted: int
    received: int = 0
    seconds: float = 0.0


class Progress(Record, frozen=True, kw_only=True):
    """What a stage has done so far; `progress.json`.

    Attributes:
        log: its log as it stands; of an attempt that has ended, as it stood last.
        asked: by teacher.
    """

    log: Log
    asked: dict[str, Asked]
