"""What a fault of the machine is: another try may go well, since the stage itself has not failed.

One rule for this machine, for Ray and for Slurm, by the exit code of a stage, which is as shells
have it: 128 and the number of the signal that has ended a process. A stage whose trainer, launcher,
engine or worker was killed says so by the same code. Ctrl-C is the user's, and no fault.
"""

from __future__ import annotations

import signal
from typing import Final

from dataenvgym_spec.core.errors import StageError

SIGNALLED: Final = 128
"""What is added to a signal's number in an exit code, as shells have it."""
KILLED: Final = SIGNALLED + signal.SIGKILL
"""The exit code of what was killed: for lack of memory, or with its machine."""
ABORTED: Final = SIGNALLED + signal.SIGABRT
"""That of a process that has ended itself, as some do that have lost those they train with."""
LEASE_LOST: Final = SIGNALLED + 29
"""That of a stage which another host has taken over; 29 is `SIGLOST` where there is such a one."""
_CTRL_C: Final = SIGNALLED + signal.SIGINT
_HIGHEST: Final = SIGNALLED + 64


class MachineFault(StageError):
    """What a stage works with was killed, or taken from it.

    Args:
        code: the exit code that says so.
    """

    def __init__(self, message: str, *, help: str = "", code: int = KILLED) -> None:
        super().__init__(message, help=help)
        self.exit_code = as_shells(code)


def as_shells(code: int) -> int:
    """An exit code as shells have it: that of a signal is positive.

    >>> as_shells(-9), as_shells(1)
    (137, 1)
    """
    return SIGNALLED - code if code < 0 else code


def is_fault(code: int) -> bool:
    """Whether an exit code, of Python or of a shell, is of a fault of the machine.

    >>> [is_fault(code) for code in (137, -9, 1, 0)]
    [True, True, False, False]
    >>> [is_fault(code) for code in (130, -2, 255)]  # Ctrl-C, and what no signal has
    [False, False, False]
    """
    return SIGNALLED < as_shells(code) <= _HIGHEST and as_shells(code) != _CTRL_C
