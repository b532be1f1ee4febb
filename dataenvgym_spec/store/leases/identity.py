"""Which host and which process holds a lease.

Names do not tell: a pod that is started again has its predecessor's, machines made from one image
share theirs, and in a container the first process always has the same number.
"""

from __future__ import annotations

import os
import socket
import uuid
from functools import cache
from pathlib import Path

from dataenvgym_spec.core.hashing import text_digest

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PROCESSES = Path("/proc/self/ns/pid")


@cache
def host_id() -> str:
    """This start of this machine, and the container in which this process sees others.

    Where there is no /proc, the address of the machine's network card stands for both.
    """
    try:
        parts = [_BOOT.read_text(encoding="ascii").strip(), str(_PROCESSES.readlink())]
    except OSError:
        parts = [str(uuid.getnode())]
    return text_digest("\n".join([socket.gethostname(), *parts]))[:16]


def process_id() -> str:
    """This process, a name that no other one has or will have."""
    return f"{host_id()}/{_token(os.getpid())}"


def is_of_this_host(process: str) -> bool:
    """Whether a name is of a process that this one would see, if it lives."""
    return process.partition("/")[0] == host_id()


@cache
def _token(_process: int) -> str:
    # By the number, so that a fork has one of its own.
    return uuid.uuid4().hex
