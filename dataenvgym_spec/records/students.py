"""A base student that exists: what is in the store in its place."""

from __future__ import annotations

from typing import Any, Final

from dataenvgym_spec.records.record import Record

REFERENCE: Final = "reference.json"
"""The file that a student's port holds in place of the student."""


class StudentReference(Record, frozen=True):
    """Names a student that exists, on the hub or in a folder of this machine.

    Attributes:
        model: the component that says which: of the hub its id and commit, of a folder its digest.
        size: of its files, in bytes.
        stage: the directory of the stage that named it, which knows how it is found.
    """

    model: dict[str, Any]
    size: int
    stage: str
