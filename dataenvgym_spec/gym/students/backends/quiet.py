"""What a library writes to the terminal by itself, kept back until it is needed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from tempfile import TemporaryFile


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
            with redirect_stdout(kept), redirect_stderr(kept), _written_to(kept.fileno()):
                yield
        except BaseException:
            kept.seek(0)
            sys.stderr.write(kept.read())
            raise


@contextmanager
def _written_to(place: int) -> Iterator[None]:
    """The standard descriptors of this process, and of children that it starts, are a place."""
    with ExitStack() as after:
        for number in (1, 2):
            before = os.dup(number)
            after.callback(os.close, before)
            after.callback(os.dup2, before, number)
            os.dup2(place, number)
        try:
            yield
        finally:
            sys.stdout.flush()
