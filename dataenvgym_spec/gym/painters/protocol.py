"""What a painter is: it makes images of descriptions, for an engine that holds one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from dataenvgym_spec.gym.teachers.protocol import Teacher


class Painter(Protocol):
    """Makes images. An engine holds one in an option (`"x-slot": "painter"`)."""

    def paint(self, descriptions: Sequence[str], seed: int) -> Sequence[bytes | Path | None]:
        """Images, one a description, in their order: the bytes of files, or where files lie.

        None stands for what cannot be painted.

        Args:
            descriptions: what each image shows, in words.
            seed: whoever draws, draws from it and from the description, so that the same is painted
                when a stage is run again.
        """


class Shelf(Protocol):
    """Keeps the images that a service made, before anyone uses them."""

    def keep(self, content: bytes) -> str:
        """Puts the bytes of a file on the disk; returns their digest."""

    def find(self, digest: str) -> Path | None:
        """The file of a digest; None if it is not there any more."""


@runtime_checkable
class OnService(Protocol):
    """What a painter has besides that asks a service.

    Attributes:
        line: the way there: a question is a description, an answer the digest of an image. Whoever
            runs the stage puts the journal in front of it, so that no image is paid for twice.
        shelf: keeps the images; whoever runs the stage sets it.
    """

    line: Teacher
    shelf: Shelf
