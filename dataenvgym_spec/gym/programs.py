"""Runs a command of the user's: text in, text out, within bounds of time and size."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from contextlib import suppress
from tempfile import TemporaryDirectory
from typing import Final

TAIL: Final = 2000
"""Bytes of what a program says of itself that a message may show."""
CHUNK: Final = 65536


class Failed(Exception):
    """A program gave no answer.

    Attributes:
        help: what to do about it.
    """

    def __init__(self, message: str, help: str = "correct it, and run again") -> None:
        super().__init__(message)
        self.help = help


def answered(command: str, content: bytes, *, timeout: float, longest: int) -> bytes:
    """What a command writes to its standard output when it is given something on its input.

    It is started without a shell, in an empty folder of its own, and ends with all that it has
    started.

    Args:
        command: with its arguments, quoted as for a shell.
        content: its input.
        timeout: seconds.
        longest: bytes of its output.

    Raises:
        Failed: it cannot be started, fails, takes too long or writes too much.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise Failed(f"its command cannot be read: {error}") from None
    with TemporaryDirectory(prefix="outside-") as folder:
        return asyncio.run(_run(words, content, timeout, longest, folder))


def whole_words(said: bytes, *, before: bool = False, after: bool = False) -> str:
    """What a program says of itself, without the words that were cut: part of a secret is one too.

    Examples:
        >>> whole_words(b"anted-123 is wrong", before=True)
        'is wrong'

    Args:
        said: what was read.
        before: whether more stood before it.
        after: whether more stood after it.
    """
    text = said.decode(errors="replace")
    if before:
        text = text.lstrip() and (text.split(maxsplit=1)[1:] or [""])[0]
    if after:
        text = (text.rsplit(maxsplit=1)[:-1] or [""])[0]
    return text.strip()


async def _run(
    words: list[str], content: bytes, timeout: float, longest: int, folder: str
) -> bytes:
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=pipe, stdout=pipe, stderr=pipe, cwd=folder, start_new_session=True
        )
    except OSError as error:
        raise Failed(f"'{words[0]}' cannot be started: {error.strerror}") from None
    try:
        async with asyncio.timeout(timeout):
            out, said = await _talk(process, content, longest)
    except TimeoutError:
        more = "give it more time (`timeout`), or make it faster"
        raise Failed(f"it took longer than {timeout:g} s", more) from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    if process.returncode:
        words_of_it = whole_words(said[-TAIL:], before=len(said) > TAIL) or "no message"
        raise Failed(f"it ended with status {process.returncode}: {words_of_it}")
    return out


async def _talk(
    process: asyncio.subprocess.Process, content: bytes, longest: int
) -> tuple[bytes, bytes]:
    """What it writes to its output, and the end of what it says beside that."""
    assert process.stdin and process.stdout and process.stderr
    said = asyncio.create_task(_tail(process.stderr))
    given = asyncio.create_task(_give(process.stdin, content))
    try:
        out = await _bounded(process.stdout, longest)
        await process.wait()
        return out, await said
    finally:
        given.cancel()
        said.cancel()


async def _give(stdin: asyncio.StreamWriter, content: bytes) -> None:
    # A program may answer without reading to the end.
    with suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(content)
        await stdin.drain()
        stdin.close()


async def _bounded(stream: asyncio.StreamReader, longest: int) -> bytes:
    out = bytearray()
    while part := await stream.read(CHUNK):
        out += part
        if len(out) > longest:
            raise Failed(f"its answer is longer than {longest} bytes")
    return bytes(out)


async def _tail(stream: asyncio.StreamReader) -> bytes:
    end = b""
    while part := await stream.read(CHUNK):
        end = (end + part)[-TAIL - 1 :]  # one more says that there was more
    return end
