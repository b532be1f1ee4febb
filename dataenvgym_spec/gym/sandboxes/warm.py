"""The process that judges: it has imported a library, and forks a child for each text.

It runs inside of the sandbox (`python -m ...warm`), reads requests from the socket that is its
standard input, and never touches a text itself. Who asks it is in `judge`. One that is shared
listens on that socket, forks a process for each stage that connects, and ends when the pipe that is
its standard output is closed.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.gym.sandboxes import filter as calls
from dataenvgym_spec.gym.sandboxes import forkserver
from dataenvgym_spec.gym.sandboxes.bubblewrap import HOME, OWN_VIEW, SCRATCH
from dataenvgym_spec.gym.sandboxes.confine import (
    address_space,
    confine,
    empty_folders,
    enclose,
    hide,
)
from dataenvgym_spec.gym.sandboxes.messages import receive, send
from dataenvgym_spec.gym.sandboxes.pages import enlarge
from dataenvgym_spec.gym.sandboxes.programs import KILLED, ProgramLost, Programs
from dataenvgym_spec.gym.sandboxes.protocol import SandboxLimits

FREE, SHARED = "free", "shared"
"""Arguments: a child keeps its rights; more than one stage is served."""
LIVES: Final = 1
"""The descriptor of a pipe that whoever keeps a shared process holds open."""
PROMPT: Final = 10.0
"""How long a stage may take to say what it wants made, in seconds."""
TOGETHER: Final = 64
"""How many calls whose text no model wrote share a child."""
MOST_WORDS: Final = 300
"""How much of an exception is told, in characters."""
LOST: Final = "lost"
"""The ending of a call whose program was killed by somebody unknown."""
EARLY: Final = ("memory", "refused")
"""The endings that a child itself notices, besides failures."""

Answer = dict[str, Any]


Judging = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What a child may do.

    Attributes:
        free: whatever the process that judges may.
        writes: write files, in a folder in memory that no other child sees.
    """

    free: bool = False
    writes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A function that judges.

    Attributes:
        judge: the function.
        executes: whether it starts programs.
    """

    judge: Judging
    executes: bool


def share(server: socket.socket, rights: Rights) -> None:
    """Serves every stage that connects, each in a process that has imported what it needs."""
    made: dict[str, Made] = {}
    # Nobody waits for those processes: the kernel drops them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while LIVES not in select.select([server.fileno(), LIVES], [], [])[0]:
        connection, _ = server.accept()
        with connection:
            setup = _setup(connection)
            name = json.dumps(setup)
            function = made.get(name) or _made(connection, setup)
            if function is None:
                continue
            made[name] = function
            if os.fork() == 0:
                server.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _ending(partial(serve, connection, function, rights))


def _setup(connection: socket.socket) -> Any:
    """What a stage wants made; None from one that does not say so at once, as others wait."""
    connection.settimeout(PROMPT)
    try:
        setup = receive(connection)
    except TimeoutError:
        return None
    connection.settimeout(None)
    return setup


def serve(connection: socket.socket, made: Made, rights: Rights) -> None:
    """Answers requests until the other side is gone."""
    server = None
    if made.executes:
        # Before any request: what it forks has seen none of them.
        server = forkserver.start(forkserver.Room(writes=rights.writes), connection)
    send(connection, {"fault": None})
    while (request := receive(connection)) is not None:
        limits = SandboxLimits(**request["limits"])
        running: deque[Child] = deque()
        for group in request["groups"]:
            running.append(Child(made.judge, group, limits, rights, server))
            if len(running) == request["lanes"]:
                send(connection, _settled(running.popleft()))
        for child in running:
            send(connection, _settled(child))


def _settled(child: Child) -> list[Answer]:
    """What a child's calls came to. Of one that was killed, what another one makes of them.

    A system without memory kills whom it likes, which says nothing of a text.
    """
    answers = child.answers()
    return child.again().answers() if child.lost else answers


def _made(connection: socket.socket, setup: Any) -> Made | None:
    """The function that judges; None if it cannot be made, which the other side is told."""
    if setup is None:
        return None
    try:
        judge: Judging = _load(setup["maker"])(**setup["arguments"])
    except Exception as error:
        fault: Answer = {"fault": f"{type(error).__name__}: {error}", "help": None}
        if isinstance(error, UserError):
            fault = {"fault": error.message, "help": error.help, "user": True}
        with suppress(OSError):
            send(connection, fault)
        return None
    if setup.get("executes"):
        forkserver.prepare()
    # Without it, collecting garbage in a child would copy the pages that it shares.
    gc.freeze()
    gc.disable()
    enlarge()
    return Made(judge=judge, executes=bool(setup.get("executes")))


def _load(name: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return function


class Child:
    """One child, which begins when this is made: what it may use, and how it is watched.

    Attributes:
        lost: whether it has ended and it, or a program of it, was killed by somebody unknown.
    """

    def __init__(
        self,
        judge: Judging,
        group: Sequence[Mapping[str, Any]],
        limits: SandboxLimits,
        rights: Rights,
        server: socket.socket | None,
        *,
        last: bool = False,
    ) -> None:
        """Args: the function, what it is called with, and what starts programs for it."""
        self.group, self.limits, self.rights = group, limits, rights
        self.judge, self.server, self.last, self.lost = judge, server, last, False
        self.folder = tempfile.mkdtemp()
        self.reading, writing = os.pipe()
        keeper = None if server is None else forkserver.keeper(server)
        taken = address_space()
        self.started = time.monotonic()
        self.process = os.fork()
        if self.process == 0:
            self._work(judge, writing, taken, keeper)
        os.close(writing)
        if keeper is not None:
            keeper.close()

    def again(self) -> Child:
        """Another one for the same calls, of which nothing is tried again."""
        return Child(self.judge, self.group, self.limits, self.rights, self.server, last=True)

    def answers(self) -> list[Answer]:
        """What each call came to; if one ends its child, it ended for all."""
        most = self.limits.output * len(self.group)
        try:
            data, in_time = self._read(most)
        finally:
            os.close(self.reading)
            status = _ended(self.process)
            shutil.rmtree(self.folder, ignore_errors=True)
        seconds = round(time.monotonic() - self.started, 3)
        early = _early(status, late=not in_time, long=len(data) > most)
        given = [] if early else _given(data, len(self.group))
        killed = not given and -status in KILLED
        self.lost = not early and (killed or any(map(_is_lost, given)))
        found = early or list(map(_told, given)) or [_failed("it gave no answer")]
        alike = len(self.group) // len(found)
        return [{**answer, "seconds": seconds} for answer in found * alike]

    def _work(self, judge: Judging, writing: int, taken: int, keeper: socket.socket | None) -> None:
        """Judges in the child, which ends here."""
        try:
            if self.rights.writes:
                empty_folders({HOME: SCRATCH})
                Path(self.folder).mkdir()
            os.chdir(self.folder)
            gc.enable()
            # Others may be looked at first: what is late is ended all the same.
            signal.setitimer(signal.ITIMER_REAL, self.limits.seconds)
            enclose([writing] if keeper is None else [writing, keeper.fileno()])
            if not self.rights.free:
                confine(self.limits, taken=taken, writes=self.rights.writes)
            programs = None if keeper is None else Programs(keeper, last=self.last)
            handed = {} if programs is None else {"programs": programs}
            answers = [_called(judge, {**arguments, **handed}) for arguments in self.group]
            _write(writing, json.dumps(answers).encode())
        finally:
            os._exit(0)

    def _read(self, most: int) -> tuple[bytes, bool]:
        """What the child wrote, up to one byte too many, and whether it ended in time."""
        parts = []
        while most >= 0:
            left = self.started + self.limits.seconds - time.monotonic()
            if not select.select([self.reading], [], [], max(left, 0.0))[0]:
                return b"", False
            part = os.read(self.reading, 1 << 16)
            if not part:
                break
            parts.append(part)
            most -= len(part)
        return b"".join(parts), True


def _called(judge: Judging, arguments: Mapping[str, Any]) -> Answer:
    try:
        return {"ending": "returned", "code": 0, "value": judge(**arguments)}
    except MemoryError:
        return {"ending": "memory", "stderr": "MemoryError"}
    except PermissionError as error:
        return {"ending": "refused", "stderr": f"PermissionError: {error}"}
    except ProgramLost:
        return {"ending": LOST, "stderr": "its program was killed"}
    # A text may raise what it likes, `SystemExit` too.
    except BaseException as error:
        return _failed(f"{type(error).__name__}: {error}"[:MOST_WORDS])


def _failed(reason: str) -> Answer:
    return {"ending": "failed", "stderr": reason}


def _told(answer: Any) -> Answer:
    """An answer as a child gave it, less what is no part of one."""
    ending = answer.get("ending")
    if ending == "returned":
        return {"ending": ending, "code": 0, "value": answer.get("value")}
    reason = str(answer.get("stderr"))[:MOST_WORDS]
    return {"ending": ending, "stderr": reason} if ending in EARLY else _failed(reason)


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _ended(process: int) -> int:
    """Kills a child with its group, and returns its status."""
    for send_to in (os.killpg, os.kill):
        with suppress(ProcessLookupError, PermissionError):
            send_to(process, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _early(status: int, *, late: bool, long: bool) -> list[Answer]:
    """How a child ended that passed a limit; nothing of another one."""
    if late or -status in (signal.SIGXCPU, signal.SIGALRM):
        return [{"ending": "timeout", "stderr": "it takes too long"}]
    if long:
        return [{"ending": "output", "stderr": "it answers too much"}]
    return []


def _given(data: bytes, calls: int) -> list[Answer]:
    """The answers of a child, one a call; none if what it wrote, or a text of it, is no such."""
    try:
        whole = json.loads(data)
    except (ValueError, RecursionError):
        return []
    fits = isinstance(whole, list) and len(whole) == calls
    return whole if fits and all(isinstance(one, dict) for one in whole) else []


def _is_lost(answer: Answer) -> bool:
    return bool(answer.get("ending") == LOST)


def _ending(work: Callable[[], object]) -> NoReturn:
    """Does work as the last thing of this process."""
    try:
        work()
    except OSError:  # the other side is gone
        os._exit(1)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _rights(arguments: Sequence[str]) -> Rights:
    """What children may do here; a system may refuse to give them folders of their own."""
    free = FREE in arguments
    writes = OWN_VIEW in arguments and _possible(partial(empty_folders, {HOME: SCRATCH}))
    if not free and calls.possible():
        calls.compiled("judge", writes=writes)
    return Rights(free=free, writes=writes)


def _possible(work: Callable[[], object]) -> bool:
    """Whether a child can do something."""
    process = os.fork()
    if process == 0:
        _ending(work)
    return os.waitpid(process, 0)[1] == 0


def main() -> None:
    """Serves the socket that is the standard input."""
    hide()
    rights = _rights(sys.argv[1:])
    connection = socket.socket(fileno=os.dup(0))
    if SHARED in sys.argv[1:]:
        _ending(partial(share, connection, rights))
    made = _made(connection, receive(connection))
    if made is not None:
        serve(connection, made, rights)
    os._exit(0)


if __name__ == "__main__":
    main()
