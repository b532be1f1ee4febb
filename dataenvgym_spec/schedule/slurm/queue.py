"""The jobs of one clone in Slurm's queue: what is there, and how works get there."""

from __future__ import annotations

import os
import shutil
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from dataenvgym_spec.core.dvc_config import cache_folder
from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.questions.cost.guard import LIMITS
from dataenvgym_spec.schedule.elsewhere import Driving
from dataenvgym_spec.schedule.parcels.between import folder_of
from dataenvgym_spec.schedule.parcels.pack import home_of
from dataenvgym_spec.schedule.protocol import Work
from dataenvgym_spec.schedule.slurm import commands, job, task
from dataenvgym_spec.schedule.slurm.arrays import Arranger, Batch, Place, levels
from dataenvgym_spec.schedule.slurm.containers import PYTHON, with_mounts
from dataenvgym_spec.setup.hardware.leases import told
from dataenvgym_spec.setup.hardware.profile import SlurmCluster
from dataenvgym_spec.store.layout import Layout, kind_of

ARRAY: Final = "array"
"""How an array's name begins behind the prefix of the clone."""


def _mounts(layout: Layout) -> list[str]:
    """The folders that a stage needs: the repository, and what is elsewhere of it.

    That are the cache of DVC, and the leases that clones share.
    """
    register = told(layout, os.environ)
    leases = None if register is None else folder_of(register)
    needed = [layout.root]
    for folder in filter(None, (cache_folder(layout.root), leases)):
        if not folder.is_relative_to(layout.root):
            folder.mkdir(parents=True, exist_ok=True)
            needed.append(folder)
    return [str(folder) for folder in needed]


def prefix_of(layout: Layout) -> str:
    """How the names of a clone's jobs begin."""
    return f"dataenvgym-{home_of(layout, shared=True).token[:12]}-"


def jobs_of(layout: Layout) -> dict[str, str]:
    """The jobs of a clone that have not ended.

    Raises:
        StageError: Slurm does not answer, or refuses to.
        OSError: its commands are not here.
    """
    return commands.named(prefix_of(layout))


class Queue:
    """Slurm's queue, as one clone sees it.

    Args of the constructor:
        driving: the machine that drives the run, its clone on a file system that nodes see.
        cluster: how Slurm is asked.
    """

    def __init__(self, driving: Driving, cluster: SlurmCluster) -> None:
        self.driving, self.layout = driving, driving.layout
        self.cluster = with_mounts(cluster, _mounts(self.layout))
        self._python = sys.executable if cluster.container_image is None else PYTHON
        self.prefix = prefix_of(self.layout)
        self._arranger: Arranger | None = None

    def there(self) -> dict[str, Place]:
        """The jobs that have not ended, by the names of their works.

        Raises:
            Unanswered: Slurm does not answer.
        """
        found: dict[str, Place] = {}
        jobs = commands.named(self.prefix)
        arrays = {name: task.read_manifest(self.layout, name) for name in {*jobs.values()}}
        for number, name in jobs.items():
            place = Place.parse(number)
            if place.task is None:
                found[name.removeprefix(self.prefix)] = place
            elif place.task in arrays[name]:
                found[arrays[name][place.task].work] = place
        kept = commands.named(self.prefix, completing=True)
        task.forget_arrays(self.layout, {*kept.values()})
        return found

    def batches(self, works: Sequence[Work], places: Mapping[str, Place]) -> Iterator[Batch]:
        """How works are submitted, and those behind them: equal ones together.

        A work is left out as long as one of them that it waits for has no place.

        Args:
            works: in an order in which each comes after those that it waits for.
            places: of the other works that they wait for, and of each that was submitted meanwhile.

        Raises:
            Unanswered: Slurm does not say how many tasks an array can have.
        """
        if self._arranger is None and len(works) > 1:
            self._arranger = Arranger(shape, commands.most_tasks())
        arranger = self._arranger or Arranger(shape, 1)
        names = {work.id for work in works}
        for level in levels(works):
            # Slurm was not told to have it wait for what it has refused.
            behind = [work for work in level if (work.after & names) <= places.keys()]
            yield from arranger.batches(behind, places)

    def submit_parts(self, batch: Batch) -> Iterator[dict[str, Place]]:
        """Submits works at once, or in parts where Slurm has no room for all of them.

        Yields:
            The places of the works of a part, by the works' ids.

        Raises:
            Full: Slurm has no room for the others now.
            Unanswered: Slurm does not answer.
            StageError: Slurm refuses.
        """
        try:
            added = self.submit(batch)
        except commands.Full as error:
            if len(batch.works) > 1:
                for half in batch.halves():
                    yield from self.submit_parts(half)
                return
            if isinstance(error, commands.NotAllowed) and not commands.is_used():
                raise StageError(error.message, help=error.help) from None
            raise
        yield added

    def submit(self, batch: Batch) -> dict[str, Place]:
        """Submits works at once; returns their places by the works' ids.

        Raises:
            Full: Slurm has no room for as many now.
            Unanswered: Slurm does not answer.
            StageError: Slurm refuses.
        """
        for work in batch.works:
            output = self.layout.output(work.id)
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_bytes(b"")
            shutil.rmtree(job.outcomes_folder(self.layout, work.id), ignore_errors=True)
        if batch.tasks is None:
            (work,) = batch.works
            return {work.id: Place(self._submit_job(work, batch.dependency()))}
        number = self._submit_array(batch, batch.tasks)
        return {
            work.id: Place(number, index)
            for work, index in zip(batch.works, batch.tasks, strict=True)
        }

    def _submit_job(self, work: Work, dependency: str) -> str:
        said = self._task(work)
        arguments = (str(self.layout.root), *said.arguments)
        wanted = commands.Job(
            name=self.prefix + work.id,
            command=commands.program(
                job.__name__, *arguments, environ=said.environ, python=self._python
            ),
            output=str(self.layout.output(work.id)),
            needs=work.needs,
            dependency=dependency,
            folder=str(task.jobs_folder(self.layout)),
        )
        return commands.submit(wanted, self.cluster)

    def _submit_array(self, batch: Batch, tasks: Sequence[int]) -> str:
        first = batch.works[0]
        name = f"{self.prefix}{ARRAY}-{kind_of(_directory(first))}-{uuid.uuid4().hex[:12]}"
        works = zip(tasks, batch.works, strict=True)
        task.write_manifest(self.layout, name, {index: self._task(work) for index, work in works})
        wanted = commands.Job(
            name=name,
            command=commands.program(
                task.__name__, str(self.layout.root), name, python=self._python
            ),
            output=str(task.output_file(self.layout, name, "%a")),
            needs=first.needs,
            dependency=batch.dependency(),
            tasks=tasks,
            folder=str(task.jobs_folder(self.layout)),
        )
        return commands.submit(wanted, self.cluster)

    def _task(self, work: Work) -> task.Task:
        """What a job of a work does."""
        variables = dict(self.driving.variables(work))
        variables.pop(LIMITS, None)
        shard = work.shard
        return task.Task(
            work=work.id,
            directory=_directory(work),
            experiment=next(iter(work.experiments), ""),
            environ=variables,
            shard=None if shard is None else (shard.number, shard.count),
        )


def shape(work: Work) -> tuple[object, ...]:
    """What works have in common that can be tasks of one array."""
    return kind_of(_directory(work)), work.shard is None, work.needs


def _directory(work: Work) -> str:
    """That of the stage, whose shards have names of their own."""
    return work.id if work.shard is None else work.id.removesuffix(f".{work.shard.name}")
