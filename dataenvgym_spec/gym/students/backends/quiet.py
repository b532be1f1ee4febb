"""What a library writes to the terminal by itself, kept back until it is needed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from io import FileIO, TextIOWrapper
from tempfile import TemporaryFile
from typing import TextIO


@contextmanager
def kept_back() -> Iterator[None]:
    """Keeps back what this process writes; after an exception it is written to standard error.

    Descriptors are replaced as well, since compiled code and child processes write past Python's
    streams.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as kept:
        try:
            with (
                redirect_stdout(_stream(1)),
                redirect_stderr(_stream(2)),
                _written_to(kept.fileno()),
            ):
                yield
        except BaseException:
            kept.seek(0)
            sys.stderr.write(kept.read())
            raise


def _stream(number: int) -> TextIO:
    """A stream to a descriptor, wherever that leads: a log may hold it longer than it is needed."""
    raw = FileIO(number, "w", closefd=False)
    return TextIOWrapper(raw, encoding="utf-8", errors="replace", write_through=True)


@contextmanager
def _written_to(place: int) -> Iterator[None]:
    """The standard descriptors of this process, and of children that it starts, are a place."""
    with ExitStack() as after:
        for number in (1, 2):
            before = os.dup(number)
            after.callback(os.close, before)
            after.callback(os.dup2, before, number)
            os.dup2(place, number)
        yield
