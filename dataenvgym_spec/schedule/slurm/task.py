"""What a task of an array runs: the job of its own stage, as the array's manifest says.

It is `python -m dataenvgym_spec.schedule.slurm.task ROOT NAME`, with the name of the array.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from dataenvgym_spec.schedule.parcels.pack import nodes_folder
from dataenvgym_spec.schedule.protocol import Shard
from dataenvgym_spec.schedule.slurm import job
from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.layout import Layout


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A task of an array.

    Attributes:
        work: the name of the work that it is.
        directory: of its stage.
        experiment: that it is run for; empty for any.
        environ: what its environment has besides.
        shard: the number of the shard that it does, and how many there are; None for all of it.
    """

    work: str
    directory: str
    experiment: str
    environ: dict[str, str]
    shard: tuple[int, int] | None = None

    @property
    def arguments(self) -> tuple[str, ...]:
        """Of its job, behind the repository."""
        return (self.directory, self.experiment, *map(str, self.shard or ()))


def jobs_folder(layout: Layout) -> Path:
    """Where jobs and the machine that drives the run leave things for each other."""
    return nodes_folder(layout) / "jobs"


def manifest_file(layout: Layout, name: str) -> Path:
    """Where the tasks of an array are said, by their numbers."""
    return jobs_folder(layout) / f"{name}.json"


def output_file(layout: Layout, name: str, task: str) -> Path:
    """What a task prints before it knows its stage, and if it never does."""
    return jobs_folder(layout) / f"{name}-{task}.txt"


def write_manifest(layout: Layout, name: str, tasks: dict[int, Task]) -> None:
    """Says what the tasks of an array do."""
    atomic.write_bytes(manifest_file(layout, name), msgspec.json.encode(tasks))


def read_manifest(layout: Layout, name: str) -> dict[int, Task]:
    """What the tasks of an array do; nothing if it has no manifest."""
    try:
        content = manifest_file(layout, name).read_bytes()
        return msgspec.json.decode(content, type=dict[int, Task])
    except (OSError, msgspec.DecodeError):
        return {}


def forget_arrays(layout: Layout, but: set[str]) -> None:
    """Removes what is kept of arrays that Slurm has none of any more.

    Args:
        layout: the repository.
        but: the names of those that it still has.
    """
    for path in jobs_folder(layout).glob("*.json"):
        if path.stem not in but:
            for output in jobs_folder(layout).glob(f"{path.stem}-*.txt"):
                output.unlink(missing_ok=True)
            path.unlink(missing_ok=True)


def main(root: Path, name: str) -> int:
    """Does the stage of this task; returns the exit code of the job."""
    layout = Layout(root=root)
    task = read_manifest(layout, name).get(int(os.environ["SLURM_ARRAY_TASK_ID"]))
    if task is None:
        print(f"error: '{manifest_file(layout, name)}' does not say what this task does")
        return 1
    os.environ.update(task.environ)
    output = os.open(layout.output(task.work), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for number in (1, 2):
        os.dup2(output, number)
    part = None if task.shard is None else Shard(number=task.shard[0], count=task.shard[1])
    return job.main(root, task.directory, task.experiment, part)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
