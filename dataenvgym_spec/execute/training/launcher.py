"""Calls `accelerate launch`, and says by its exit code what became of the processes that train.

By itself `accelerate launch` ends with 1 whatever has happened to them. It is `python -m
dataenvgym_spec.execute.training.launcher ARGUMENTS`, or a call in a warm worker.
"""

from __future__ import annotations

import subprocess
import sys
import traceback
from collections.abc import Sequence
from signal import SIGKILL, SIGTERM
from typing import Final, Protocol

from dataenvgym_spec.core.faults import ABORTED, SIGNALLED, as_shells, is_fault

PATIENCE: Final = 30
"""Seconds after which torch kills the processes that its SIGTERM has not ended."""


class Ended(Protocol):
    """How a process that trains has failed; one of torch's records."""

    exitcode: int
    timestamp: int


def launch(arguments: Sequence[str]) -> int:
    """Trains; returns the exit code as shells have it.

    Args:
        arguments: of `accelerate launch`.
    """
    from accelerate.commands.launch import launch_command, launch_command_parser
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    try:
        launch_command(launch_command_parser().parse_args(list(arguments)))
    except subprocess.CalledProcessError as error:
        return as_shells(error.returncode)
    except ChildFailedError as error:
        return root_cause(list(error.failures.values()))
    except SignalException as error:  # torch has ended the processes that train
        return SIGNALLED + int(error.sigval)
    except (Exception, SystemExit):  # machines that did not find each other, for one
        traceback.print_exc()
        return 1
    return 0


def root_cause(failures: Sequence[Ended]) -> int:
    """The exit code of the process for which others have failed, or were ended.

    Where one is killed, another may be first to be seen: it has lost its peer. One that aborts may
    have lost its peer as well, so what another says of itself comes before it.
    """
    first = min(failures, key=lambda one: one.timestamp)
    told = [one for one in failures if not _is_of_launcher(one, first)]
    told.sort(key=lambda one: one.timestamp)
    own = [one for one in told if as_shells(one.exitcode) != ABORTED]
    killed = [one for one in own if is_fault(one.exitcode) and one.exitcode != -SIGTERM]
    return as_shells((killed or own or told)[0].exitcode)


def _is_of_launcher(one: Ended, first: Ended) -> bool:
    """Whether torch has ended a process because another had failed, which says nothing."""
    if one.exitcode == -SIGTERM:
        return one is not first
    return one.exitcode == -SIGKILL and one.timestamp - first.timestamp >= PATIENCE


if __name__ == "__main__":
    sys.exit(launch(sys.argv[1:]))
