"""The process that judges: it has imported a library, and forks a child for each text.

It runs inside of the sandbox (`python -m ...warm`), reads requests from the socket that is its
standard input, and never touches a text itself. Who asks it is in `isolated`.
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
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.gym.sandboxes import filter as calls
from dataenvgym_spec.gym.sandboxes.confine import confine, enclose, hide
from dataenvgym_spec.gym.sandboxes.messages import receive, send
from dataenvgym_spec.gym.sandboxes.protocol import SandboxLimits

FREE, OWN_VIEW = "free", "own-view"
"""Arguments: a child keeps its rights; it sees none of the user's files, so that it may write."""
TOGETHER: Final = 64
"""How many plain calls share a child."""
MOST_WORDS: Final = 300
"""How much of an exception is told, in characters."""
EARLY: Final = ("memory", "refused")
"""The endings that a child itself notices, besides failures."""

Answer = dict[str, Any]


def serve(connection: socket.socket, *, free: bool, writes: bool) -> None:
    """Answers requests until the other side is gone."""
    setup = receive(connection)
    if setup is None:
        return
    try:
        judge = _load(setup["maker"])(**setup["arguments"])
    except UserError as error:
        send(connection, {"fault": error.message, "help": error.help, "user": True})
        return
    except Exception as error:
        send(connection, {"fault": f"{type(error).__name__}: {error}", "help": None})
        return
    if not free and calls.possible():
        calls.compiled("judge", writes=writes)
    # Without it, collecting garbage in a child would copy the pages that it shares.
    gc.freeze()
    gc.disable()
    send(connection, {"fault": None})
    while (request := receive(connection)) is not None:
        limits = SandboxLimits(**request["limits"])
        for positions in request["groups"]:
            group = [request["calls"][position] for position in positions]
            child = Child(limits, free=free, writes=writes)
            send(connection, child.answers(judge, group))


def _load(name: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return function


class Child:
    """One child: what it may use, and how it is watched."""

    def __init__(self, limits: SandboxLimits, *, free: bool, writes: bool) -> None:
        self.limits, self.free, self.writes = limits, free, writes

    def answers(
        self, judge: Callable[..., Any], group: Sequence[Mapping[str, Any]]
    ) -> list[Answer]:
        """What each call came to; if one ends its child, it ended for all."""
        most = self.limits.output * len(group)
        folder = tempfile.mkdtemp()
        reading, writing = os.pipe()
        started = time.monotonic()
        process = os.fork()
        if process == 0:
            self._work(judge, group, folder, writing)
        os.close(writing)
        try:
            data, in_time = self._read(reading, started + self.limits.seconds, most)
        finally:
            os.close(reading)
            status = _ended(process)
            shutil.rmtree(folder, ignore_errors=True)
        seconds = round(time.monotonic() - started, 3)
        found = _early(status, late=not in_time, long=len(data) > most) or _answered(
            data, len(group)
        )
        return [{**answer, "seconds": seconds} for answer in found * (len(group) // len(found))]

    def _work(
        self,
        judge: Callable[..., Any],
        group: Sequence[Mapping[str, Any]],
        folder: str,
        writing: int,
    ) -> None:
        """Judges in the child, which ends here."""
        try:
            os.chdir(folder)
            gc.enable()
            enclose(writing)
            if not self.free:
                confine(self.limits, writes=self.writes)
            answers = [_called(judge, arguments) for arguments in group]
            _write(writing, json.dumps(answers).encode())
        finally:
            os._exit(0)

    def _read(self, reading: int, deadline: float, most: int) -> tuple[bytes, bool]:
        """What the child wrote, up to one byte too many, and whether it ended in time."""
        parts = []
        while most >= 0:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([reading], [], [], left)[0]:
                return b"", False
            part = os.read(reading, 1 << 16)
            if not part:
                break
            parts.append(part)
            most -= len(part)
        return b"".join(parts), True


def _called(judge: Callable[..., Any], arguments: Mapping[str, Any]) -> Answer:
    try:
        return {"ending": "returned", "code": 0, "value": judge(**arguments)}
    except MemoryError:
        return {"ending": "memory", "stderr": "MemoryError"}
    except PermissionError as error:
        return {"ending": "refused", "stderr": f"PermissionError: {error}"}
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
    if late or status == -signal.SIGXCPU:
        return [{"ending": "timeout", "stderr": "it takes too long"}]
    if long:
        return [{"ending": "output", "stderr": "it answers too much"}]
    return []


def _answered(data: bytes, calls: int) -> list[Answer]:
    """The answers of a child. What a text made of it may have written anything."""
    try:
        whole = [_told(answer) for answer in json.loads(data)]
    except (ValueError, TypeError, AttributeError, RecursionError):
        whole = []
    return whole if len(whole) == calls else [_failed("it gave no answer")]


def main() -> None:
    """Serves the socket that is the standard input."""
    hide()
    connection = socket.socket(fileno=os.dup(0))
    serve(connection, free=FREE in sys.argv[1:], writes=OWN_VIEW in sys.argv[1:])
    os._exit(0)


if __name__ == "__main__":
    main()
