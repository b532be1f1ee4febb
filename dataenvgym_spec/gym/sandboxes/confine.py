"""Takes the rights of the process that calls it, for good: descriptors, limits, capabilities.

What it may still ask of the kernel is in `filter`; what it sees of the machine is decided where it
is started, in `bubblewrap`.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from dataenvgym_spec.gym.sandboxes import filter as calls
from dataenvgym_spec.gym.sandboxes.protocol import SandboxLimits

FILES: Final = 64
"""Descriptors that a child may have open."""
FILE: Final = 1 << 26
"""The largest file that it may write, in bytes."""
_DUMPABLE, _PARENT_DEATH = 4, 1  # of `prctl`
_NEW_MOUNTS = 0x20000  # CLONE_NEWNS
_NO_SETUID, _NO_DEVICES = 2, 4  # of `mount`
_CAPABILITIES: Final = 0x20080522
"""The version of `capset` that has 64 bits of them."""


def hide() -> None:
    """Lets no other process of this user read or trace this one; those that it forks inherit it."""
    if sys.platform == "linux":
        calls.kernel().prctl(_DUMPABLE, 0, 0, 0, 0)


def empty_folders(sizes: Mapping[str, int]) -> None:
    """Puts empty folders in memory over others, for this process and its children alone.

    They are gone with them.

    Args:
        sizes: by folder, how much may be written there, in bytes.

    Raises:
        OSError: the kernel refuses.
    """
    libc = calls.kernel()
    flags = _NO_SETUID | _NO_DEVICES
    refused = libc.unshare(_NEW_MOUNTS)
    for path, size in sizes.items():
        options = f"size={size},mode=700".encode()
        refused = refused or libc.mount(b"tmpfs", path.encode(), b"tmpfs", flags, options)
    if refused:
        raise OSError(ctypes.get_errno(), "it can have no folder of its own")


def enclose(keep: Collection[int]) -> None:
    """Makes this process the head of a group, with few descriptors; the standard ones lead nowhere.

    Args:
        keep: the descriptors on which it is asked, and answers.
    """
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    highest = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    first = 3
    for kept in sorted(keep):
        os.closerange(first, kept)
        first = kept + 1
    os.closerange(first, min(highest, 1 << 16))


def confine(limits: SandboxLimits, *, taken: int, writes: bool) -> None:
    """Leaves this process its memory and what the limits allow.

    Args:
        limits: what it may use.
        taken: see `bound`.
        writes: whether it may write files.

    Raises:
        OSError: the kernel refuses to confine it.
    """
    bound(limits, taken)
    if not calls.possible():
        return
    libc = calls.kernel()
    libc.prctl(_PARENT_DEATH, 9, 0, 0, 0)
    head = (ctypes.c_uint32 * 2)(_CAPABILITIES, 0)
    libc.capset(head, (ctypes.c_uint32 * 6)())
    calls.install("judge", writes=writes)


def bound(limits: SandboxLimits, taken: int) -> None:
    """Sets the limits that the kernel keeps itself: processor time, memory, files.

    Args:
        limits: what it may use.
        taken: the address space that it takes already, in bytes; see `address_space`.
    """
    seconds = int(limits.cpu or limits.seconds) or 1
    _limit(resource.RLIMIT_CPU, seconds, seconds + 1)
    _limit(resource.RLIMIT_AS, taken + limits.memory)
    _limit(resource.RLIMIT_FSIZE, min(limits.memory, FILE))
    _limit(resource.RLIMIT_NOFILE, FILES)
    _limit(resource.RLIMIT_CORE, 0)


def _limit(what: int, soft: int, hard: int | None = None) -> None:
    _, most = resource.getrlimit(what)
    wanted = soft if hard is None else hard
    if most != resource.RLIM_INFINITY:
        wanted = min(wanted, most)
    resource.setrlimit(what, (min(soft, wanted), wanted))


def address_space() -> int:
    """The address space of this process, in bytes: the libraries that children are forked with."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    except OSError:
        return 1 << 32
    return int(pages) * resource.getpagesize()
