"""What the history of another repository said of an experiment that came from there without it."""

from __future__ import annotations

from typing import Annotated

import msgspec

from dataenvgym_spec.records.experiment import Question
from dataenvgym_spec.records.record import Record

Commit = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{40}([0-9a-f]{24})?$")]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799)]
"""Since 1970, to the end of the year 9999."""


class DeclaredContrast(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Since when a contrast was declared there, and until when.

    Attributes:
        question: the contrast.
        commit: the first commit that had it.
        when: its time.
        shallow: whether that clone's history ended too early to tell.
        dropped: the commit that left it out; None where none has.
        until: its time.
    """

    question: Question
    commit: Commit
    when: Seconds
    shallow: bool = False
    dropped: Commit | None = None
    until: Seconds | None = None


class Origins(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file `experiments/origins/<name>.json`, which `dataenvgym open` writes."""

    contrasts: tuple[DeclaredContrast, ...]
    ends: Commit | None = None
    """Where the history ended there, if that clone was shallow."""
    format: int = 1
