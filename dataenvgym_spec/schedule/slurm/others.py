"""The other nodes of a job of several: they take part in the training of its stage.

The job's own process runs on the first node; on each other one `srun` starts a process that ends
with the job, whatever way that ends.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.schedule.parcels import together
from dataenvgym_spec.schedule.parcels.parcel import Parcel
from dataenvgym_spec.store.dvc.programs import environment

_ADDRESS = re.compile(r"\bNodeAddr=(\S+)")


def machines(environ: Mapping[str, str]) -> int:
    """How many nodes this job has."""
    return int(environ.get("SLURM_JOB_NUM_NODES", "1"))


def address(environ: Mapping[str, str]) -> str:
    """Where the other nodes reach this one: as Slurm's own daemons do."""
    name = environ.get("SLURMD_NODENAME", "")
    command = ["scontrol", "--oneliner", "show", "node", name]
    with suppress(OSError):
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        if found := _ADDRESS.search(said):
            return found[1]
    return name


def step(count: int, environ: Mapping[str, str]) -> list[str]:
    """The command that runs another on each node but the first.

    Args:
        count: how many nodes the job has.
        environ: of the job.
    """
    others = str(count - 1)
    command = ["srun", "--relative=1", f"--nodes={others}", f"--ntasks={others}"]
    command += ["--ntasks-per-node=1", "--kill-on-bad-exit=1", "--mpi=none", "--input=none"]
    # Since Slurm 22.05 a step does not take this over from its job.
    if cpus := environ.get("SLURM_CPUS_PER_TASK"):
        command.append(f"--cpus-per-task={cpus}")
    return command


class Others:
    """What runs on the other nodes.

    Args of the constructor:
        parcel: of the stage.
        count: how many nodes the job has.

    Raises:
        StageError: there is no `srun`, or the clone is not seen from here.
    """

    def __init__(self, parcel: Parcel, count: int) -> None:
        command = [*step(count, os.environ), *together.helper(parcel)]
        try:
            self._process = subprocess.Popen(
                command,
                env=together.environment(parcel, environment()),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            message = f"the other nodes of the job cannot be used: {error}"
            raise StageError(message, help="jobs need Slurm's 'srun' on their nodes") from error

    @property
    def code(self) -> int | None:
        """The exit code of `srun`, as shells have it; None while all others are at work."""
        return self._process.poll()

    def end(self) -> None:
        """Ends what runs there."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(together.GRACE)
            return
        self._process.kill()
        self._process.wait()
