"""The system calls that foreign text is refused: a seccomp filter, for Linux on x86-64 and ARM64.

It lets a judge compute, read files and allocate memory. It refuses to start, signal or look into
another process, to open a connection, and to enter another namespace; a program, which has process
numbers and a network of its own, is refused only the last, and children if it may have none. How
the filter is built is in the kernel's documentation (`userspace-api/seccomp_filter`).
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
import sys
from functools import cache
from typing import Final, Literal

Numbers = dict[str, tuple[int, int | None]]

What = Literal["judge", "program", "programs"]

CHILDREN: Final[Numbers] = {"fork": (57, None), "vfork": (58, None)}
"""Calls that start a process, `clone` apart."""
PROCESSES: Final[Numbers] = {
    **CHILDREN,
    "execve": (59, 221),
    "execveat": (322, 281),
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pidfd_getfd": (438, 438),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "setpriority": (141, 140),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
    "sched_setaffinity": (203, 122),
    "ioprio_set": (251, 30),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
}
"""Calls that reach other processes: numbers on x86-64 and on ARM64, which lacks some."""
CONNECTIONS: Final[Numbers] = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "msgget": (68, 186),
    "msgctl": (71, 187),
    "msgrcv": (70, 188),
    "msgsnd": (69, 189),
    "semget": (64, 190),
    "semctl": (66, 191),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
}
"""Calls that reach other machines, or memory that processes share."""
KERNEL: Final[Numbers] = {
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_by_handle_at": (304, 265),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "move_mount": (429, 429),
    "mount_setattr": (442, 442),
}
"""Calls that change what a process sees, or that get round a filter."""
WRITES: Final[Numbers] = {
    "creat": (85, None),
    "truncate": (76, 45),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "rmdir": (84, None),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "utimensat": (280, 88),
    "futimesat": (261, None),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "setxattrat": (463, 463),
    "removexattrat": (466, 466),
}
"""Calls that change files, `open` apart."""
_LOOKED_AT: Final[Numbers] = {
    "open": (2, None),
    "clone": (56, 220),
    "fcntl": (72, 25),
    "openat": (257, 56),
    "prlimit64": (302, 261),
    "clone3": (435, 435),
    "openat2": (437, 437),
}
"""Calls whose arguments decide, and two that are taken for missing."""
_MACHINES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""The column above, and the kernel's number of the architecture."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in `struct seccomp_data`
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_X32 = 0x40000000  # the second way to number calls that x86-64 kernels may have
_THREAD = 0x00010000  # CLONE_THREAD
_CHANGES = 0o3 | 0o100 | 0o1000  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC
_OWNERS: Final = (8, 15)  # F_SETOWN, F_SETOWN_EX: who is signalled when a descriptor is ready
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2  # of `prctl`


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def possible() -> bool:
    """Whether there is a filter for this machine."""
    return sys.platform == "linux" and platform.machine() in _MACHINES


def install(what: What, *, writes: bool) -> None:
    """Refuses the calls from here on, in this process for good.

    Args:
        what: whose calls: a judge's, those of a program, or of one that may start others.
        writes: whether files may be written; for a process that sees none of the user's.

    Raises:
        OSError: the kernel takes no filter.
    """
    code = compiled(what, writes=writes)
    program = _Program(len(code) // 8, code)
    libc = kernel()
    # Without it a program with another user's rights could be started.
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs is refused")
    if libc.prctl(_SECCOMP, _FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "a seccomp filter is refused")


@cache
def kernel() -> ctypes.CDLL:
    """The C library, for calls that Python has no function for."""
    return ctypes.CDLL(None, use_errno=True)


@cache
def compiled(what: What, *, writes: bool) -> bytes:
    """The filter as instructions of eight bytes; made once, before any process is forked."""
    column, architecture = _MACHINES[platform.machine()]
    steps = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_EQUAL, architecture, yes=1),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
    ]
    if column == 0:
        steps += [_step(_AT_LEAST, _X32, no=1), _step(_RETURN, _ERROR | errno.EPERM)]
    number = {name: pair[column] for name, pair in _LOOKED_AT.items()}
    refused = KERNEL
    if what == "judge":
        refused = PROCESSES | CONNECTIONS | KERNEL
    elif what == "program":
        refused = CHILDREN | KERNEL
    if not writes:
        refused |= WRITES
        steps += _refused_if(number["open"], 1, _ANY_BIT, _CHANGES, errno.EROFS)
        steps += _refused_if(number["openat"], 2, _ANY_BIT, _CHANGES, errno.EROFS)
    for pair in refused.values():
        steps += _refused(pair[column], errno.EPERM)
    # What the C library does without: it falls back to calls whose arguments can be looked at.
    steps += _refused(number["clone3"], errno.ENOSYS)
    steps += _refused(number["openat2"], errno.ENOSYS)
    for command in _OWNERS:
        steps += _refused_if(number["fcntl"], 1, _EQUAL, command, errno.EPERM)
    steps += _refused_if(number["prlimit64"], 0, _AT_LEAST, 1, errno.EPERM)
    if what != "programs":
        steps += _refused_unless(number["clone"], 0, _THREAD, errno.EPERM)
    steps.append(_step(_RETURN, _ALLOW))
    return b"".join(steps)


def _step(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    """An instruction; `yes` and `no` say how many of the next ones a comparison skips."""
    return struct.pack("=HBBI", code, yes, no, value)


def _refused(number: int | None, error: int) -> list[bytes]:
    if number is None:
        return []
    return [_step(_EQUAL, number, no=1), _step(_RETURN, _ERROR | error)]


def _refused_if(
    number: int | None, argument: int, test: int, value: int, error: int
) -> list[bytes]:
    """Refuses a call whose argument (its lower half) passes a test."""
    if number is None:
        return []
    return [
        _step(_EQUAL, number, no=4),
        _step(_LOAD, _ARGUMENTS + 8 * argument),
        _step(test, value, no=1),
        _step(_RETURN, _ERROR | error),
        _step(_LOAD, _NUMBER),
    ]


def _refused_unless(number: int | None, argument: int, bits: int, error: int) -> list[bytes]:
    """Refuses a call in whose argument none of some bits is set."""
    if number is None:
        return []
    return [
        _step(_EQUAL, number, no=4),
        _step(_LOAD, _ARGUMENTS + 8 * argument),
        _step(_ANY_BIT, bits, yes=1),
        _step(_RETURN, _ERROR | error),
        _step(_LOAD, _NUMBER),
    ]
