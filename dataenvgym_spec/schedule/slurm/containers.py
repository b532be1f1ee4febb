"""Jobs in a container: what starts one, and the script around it, which the node itself runs.

Slurm's commands are on nodes and seldom in images: a stage whose time is over says so by its exit
code, and the script has Slurm put the job back into the queue.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from dataenvgym_spec.schedule.protocol import Needs
from dataenvgym_spec.setup.hardware.profile import SlurmCluster

PYTHON: Final = "python3"
"""What an image has to have on its PATH, with this package."""
AGAIN: Final = 75
"""The exit code of a job that is to be put back into the queue."""
CONTAINED: Final = "DATAENVGYM_CONTAINED"
"""Names the file by which a job in a container hears that its time is over.

Not every runtime passes signals on.
"""
SCRIPT: Final = """\
#!/bin/sh
notice={folder}/$SLURM_JOB_ID.notice
export {contained}="$notice"
rm -f "$notice"
{command} &
stage=$!
# Slurm tells the script alone.
trap 'touch "$notice"' USR1 TERM
wait "$stage"
code=$?
while kill -0 "$stage" 2>/dev/null; do
  wait "$stage"
  code=$?
done
rm -f "$notice"
number=${{SLURM_ARRAY_JOB_ID:+${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}}}
test "$code" = {again} && scontrol requeue "${{number:-$SLURM_JOB_ID}}"
exit "$code"
"""


def script(command: Sequence[str], cluster: SlurmCluster, needs: Needs, folder: str) -> str:
    """What `sbatch` is given.

    Args:
        command: of the job.
        cluster: says whether there is a container.
        needs: of the job.
        folder: that the node and the container see.
    """
    if cluster.container_image is None:
        return f"#!/bin/sh\nexec {shlex.join(command)}\n"
    return SCRIPT.format(
        command=shlex.join([*_starter(cluster, cluster.container_image, needs), *command]),
        folder=shlex.quote(folder),
        contained=CONTAINED,
        again=AGAIN,
    )


def is_over(environ: Mapping[str, str]) -> bool:
    """Whether the node has told this job in a container that its time is over."""
    notice = environ.get(CONTAINED)
    return notice is not None and Path(notice).exists()


def _starter(cluster: SlurmCluster, image: str, needs: Needs) -> list[str]:
    """The command that runs another in a container, with the folders that it needs."""
    mounts = cluster.container_mounts
    if cluster.container_runtime == "apptainer":
        gpus = ["--nv"] if needs.gpus else []
        return ["apptainer", "exec", *gpus, *(f"--bind={path}" for path in mounts), image]
    binds = ",".join(f"{path}:{path}" for path in mounts)
    step = ["srun", "--nodes=1", "--ntasks=1", f"--cpus-per-task={needs.cpus}"]
    return [*step, f"--container-image={image}", f"--container-mounts={binds}"]


def with_mounts(cluster: SlurmCluster, paths: Iterable[str]) -> SlurmCluster:
    """How Slurm is asked, with the folders that each container has to have besides the user's."""
    return replace(
        cluster, container_mounts=tuple(dict.fromkeys((*paths, *cluster.container_mounts)))
    )
