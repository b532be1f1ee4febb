"""Calls `accelerate launch`, and says by its exit code what became of the processes that train.

By itself `accelerate launch` ends with 1 whatever has happened to them. It is `python -m
dataenvgym_spec.execute.training.launcher ARGUMENTS`, or a call in a warm worker.
"""

from __future__ import annotations

import subprocess
import sys
import traceback
from collections.abc import Sequence
from signal import SIGTERM
from typing import Protocol

from dataenvgym_spec.core.faults import as_shells, is_fault


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
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    try:
        launch_command(launch_command_parser().parse_args(list(arguments)))
    except subprocess.CalledProcessError as error:
        return as_shells(error.returncode)
    except ChildFailedError as error:
        return root_cause(list(error.failures.values()))
    except (Exception, SystemExit):  # machines that did not find each other, for one
        traceback.print_exc()
        return 1
    return 0


def root_cause(failures: Sequence[Ended]) -> int:
    """The exit code of the process for which others have failed, or were ended.

    Where one is killed, another may be first to be seen: it has lost its peer. Those that are left
    then get a SIGTERM of their launcher's, which says nothing.
    """
    first = min(failures, key=lambda one: one.timestamp)
    killed = [one for one in failures if is_fault(one.exitcode) and one.exitcode != -SIGTERM]
    return as_shells((killed or [first])[0].exitcode)


if __name__ == "__main__":
    sys.exit(launch(sys.argv[1:]))
