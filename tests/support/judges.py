"""Judges that do what a text says: what foreign text could do at worst in a library that evaluates it."""

from __future__ import annotations

import ctypes
import os
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any


def evaluating(**_options: Any) -> Callable[..., Any]:
    """A judge that evaluates texts."""

    def judge(text: str) -> Any:
        return eval(text, {"os": os, "ctypes": ctypes, **ATTACKS})

    return judge


def failing(why: str) -> Callable[..., Any]:
    raise ValueError(why)


def secret_of(process: int, place: int) -> str:
    """Reads another process's memory."""
    with Path(f"/proc/{process}/mem").open("rb") as memory:
        memory.seek(place)
        return memory.read(8).hex()


def processes() -> list[int]:
    return sorted(int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())


def signals(*numbers: int) -> list[str]:
    """What signals to every other process come to."""
    found = []
    for process in processes():
        for number in numbers:
            if process != os.getpid():
                found.append(_error(partial(os.kill, process, number)))
    return found


def traces() -> list[int]:
    """What `ptrace(PTRACE_ATTACH)` and `process_vm_readv` of every other process come to."""
    libc = ctypes.CDLL(None, use_errno=True)
    others = [process for process in processes() if process != os.getpid()]
    return [libc.ptrace(16, process, 0, 0) for process in others] + [
        libc.process_vm_readv(process, None, 0, None, 0, 0) for process in others
    ]


def leaves(name: str) -> list[str]:
    """What lies in every folder that it may look into, and whether it can leave something there."""
    below = Path.cwd().parent
    Path(name).write_text("left", encoding="utf-8")
    return sorted(path.name for path in below.rglob(name))


def lingers(seconds: float) -> int:
    """Leaves a thread and tries to leave a process."""
    threading.Thread(target=time.sleep, args=(seconds,)).start()
    return os.fork()


def span(seconds: float) -> list[float]:
    """When it begins and when it ends."""
    begun = time.monotonic()
    time.sleep(seconds)
    return [begun, time.monotonic()]


def connects() -> None:
    socket.create_connection(("127.0.0.1", 9), timeout=1)


def _error(attempt: Callable[[], Any]) -> str:
    try:
        attempt()
    except OSError as error:
        return type(error).__name__
    return "done"


ATTACKS = {
    "secret_of": secret_of,
    "signals": signals,
    "traces": traces,
    "leaves": leaves,
    "lingers": lingers,
    "connects": connects,
    "processes": processes,
    "sleep": time.sleep,
    "span": span,
}
