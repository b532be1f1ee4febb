"""Where the stages of a run go: to this machine, a Ray cluster or Slurm."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, Protocol

import click

from dataenvgym_spec.cli.common import plural
from dataenvgym_spec.core.dvc_config import remotes
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.room import cpus_here
from dataenvgym_spec.core.variables import MACHINES, PROCESSES, VLLM_GPUS, count
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.records.run_state import On
from dataenvgym_spec.schedule.elsewhere import Driving
from dataenvgym_spec.schedule.order import Stopping
from dataenvgym_spec.schedule.parcels.desk import Desk
from dataenvgym_spec.schedule.parcels.pack import Packer, home_of
from dataenvgym_spec.schedule.parcels.stays import directory_of
from dataenvgym_spec.schedule.parcels.together import require_together
from dataenvgym_spec.schedule.protocol import Needs, Runner, Work
from dataenvgym_spec.schedule.ray.cluster import Cluster, address_of
from dataenvgym_spec.schedule.ray.runner import RayRunner
from dataenvgym_spec.schedule.slurm.commands import require_slurm
from dataenvgym_spec.schedule.slurm.runner import SlurmRunner
from dataenvgym_spec.setup.hardware.profile import HardwareProfile, Room, SlurmCluster
from dataenvgym_spec.setup.hardware.sbatch import NOTICE, beyond, too_short
from dataenvgym_spec.store.layout import Layout, kind_of
from dataenvgym_spec.track.background import start_in_background

Variables = Callable[[Work], Mapping[str, str]]
MOST_TRACKED: Final = 4
"""A stage of a sweep can be in hundreds of experiments; their reports track."""
APART: Final = (
    "the machines of the cluster do not see this repository, and it has no remote of DVC through "
    "which results could go"
)

CONTAINED: Final = "a training of several nodes cannot be started from within a container"

WITHOUT_GPUS: Final = (
    "hardware.yaml does not say slurm.gpus, so no job asks for a GPU, also those in which a model "
    "runs or is trained: set it to the GPUs of a node, or to 0 where nodes have none"
)


LEFT: Final = (
    "Slurm does not answer, so it may go on with jobs of this run, whose names begin with {}: end "
    "them with scancel, or run this command again and press Ctrl-C once Slurm is there"
)
CANCELLED: Final = "the jobs of this run in Slurm are cancelled"
GIVEN_UP: Final = "cancelled in Slurm: {} of experiments that did not finish"
UNBOUNDED: Final = "--jobs bounds no jobs of Slurm: all of them are submitted at once"
BOUNDS: Final = (
    "leave it out; how many run at once is bounded by a QOS or a partition (slurm.options and "
    "slurm.partition in hardware.yaml), and what stays on this machine by machine.cpus"
)

WAITS: Final = (
    "no machine of the Ray cluster has a processor for stages: waiting for one "
    "(ray status shows who is there)"
)


class Engine(Protocol):
    """Where stages go besides this machine. Its machines may come and go."""

    @property
    def cpus(self) -> int:
        """Of the largest machine that it has now."""

    @property
    def gpus(self) -> int | None:
        """Of the largest machine that it has now; None where nobody can tell."""

    @property
    def slots(self) -> int:
        """How many works it runs at once, as far as is known; 0 where nobody can tell."""

    def around(self, local: Runner, variables: Variables) -> Runner:
        """What runs works there, and on this machine those that must stay.

        Args:
            local: runs works on this machine.
            variables: what the environment of a work has besides.
        """

    def require(self, packages: Sequence[str]) -> None:
        """Checks that its machines have what stages of a round need, if they can be asked.

        Raises:
            UserError: one has not.
        """

    def announce(self, works: Sequence[Work], stopping: Stopping = lambda: 0) -> None:
        """Says what a round will have to do.

        Args:
            works: of the round.
            stopping: says whether the user wants to stop.
        """

    def close(self) -> None:
        """Ends what the engine has begun."""


class OnRay:
    """A Ray cluster.

    Args of the constructor:
        layout: the repository.
        address: of the cluster; None for one of our own.
        room: what one of our own may use of this machine.
        jobs: how many stages run at once; None for as many as have room.
        variables: of the environment, that stages get besides.
        environ: the environment, with what the profile says.

    Raises:
        UserError: it cannot be used from here.
    """

    def __init__(
        self,
        layout: Layout,
        address: str | None,
        room: Room,
        jobs: int | None,
        variables: Mapping[str, str],
        environ: Mapping[str, str],
    ) -> None:
        self.layout, self.jobs = layout, jobs
        self.cluster = Cluster.connect(address, room)
        try:
            self.cluster.wait_for_room(lambda: click.echo(WAITS))
            home = home_of(layout, shared=True)
            if not self.cluster.sees(home):
                home = home_of(layout, shared=False)
                if not remotes(layout.root):
                    help = "mount it there, or: dvc remote add --default NAME URL"
                    raise UserError(APART, help=help)
            require_together(count(environ, MACHINES) or 1, shared=home.shared)
        except BaseException:
            self.cluster.close()
            raise
        packer = Packer(layout, home, variables=variables, environ=environ)
        self.desk = Desk(layout, packer)
        self._known = self.cluster.largest()
        self._required: set[str] = set()
        """The packages that its machines were asked for."""

    @property
    def cpus(self) -> int:
        """Of its largest machine."""
        return self._largest().cpus

    @property
    def gpus(self) -> int | None:
        """Of its largest machine."""
        return self._largest().gpus

    @property
    def slots(self) -> int:
        """The processors of all machines, as far as the user lets them be used."""
        cpus = sum(machine.room.cpus for machine in self.cluster.machines)
        return cpus if self.jobs is None else min(cpus, self.jobs)

    def _largest(self) -> Needs:
        """The most that a machine has now; of what none has any, what one had before."""
        now, before = self.cluster.largest(), self._known
        self._known = replace(now, cpus=now.cpus or before.cpus, gpus=now.gpus or before.gpus)
        return self._known

    def around(self, local: Runner, variables: Variables) -> Runner:
        """A runner of tasks."""
        here = driving(self.layout, local, variables)
        return RayRunner(here, self.cluster, self.desk, most=self.jobs)

    def require(self, packages: Sequence[str]) -> None:
        """Asks machines for packages that they were not asked for."""
        self.cluster.require([name for name in packages if name not in self._required])
        self._required.update(packages)

    def announce(self, works: Sequence[Work], stopping: Stopping = lambda: 0) -> None:
        """Nothing: a task is made when it can start."""

    def close(self) -> None:
        """Ends the connection, and a cluster of our own."""
        self.desk.close()
        self.cluster.close()


class OnSlurm:
    """A cluster of Slurm.

    Args of the constructor:
        layout: the repository.
        cluster: how Slurm is asked.
        environ: the environment, with what the profile says.

    Raises:
        UserError: Slurm is not here, or cannot do what the profile says.
    """

    slots = 0

    def __init__(self, layout: Layout, cluster: SlurmCluster, environ: Mapping[str, str]) -> None:
        require_slurm()
        if cluster.container_image is not None and (count(environ, MACHINES) or 1) > 1:
            help = "remove slurm.container_image, or set training.num_machines to 1"
            raise UserError(CONTAINED, help=help)
        _require_possible(cluster, environ)
        self.layout, self.cluster = layout, cluster
        # Nodes may have more or fewer than this machine, which runs nothing.
        self.cpus: int = cluster.cpus or cpus_here()
        self.gpus: int | None = cluster.gpus
        self._runner: SlurmRunner | None = None
        self._warned = False

    def around(self, local: Runner, variables: Variables) -> Runner:
        """A runner of jobs."""
        self._runner = SlurmRunner(driving(self.layout, local, variables), self.cluster)
        return self._runner

    def require(self, packages: Sequence[str]) -> None:
        """Nothing: each job says what its machine lacks."""

    def announce(self, works: Sequence[Work], stopping: Stopping = lambda: 0) -> None:
        """Submits what can be submitted."""
        models = any(not work.needs.light for work in works)
        if models and self.cluster.gpus is None and not self._warned:
            self._warned = True
            click.echo(f"warning: {WITHOUT_GPUS}", err=True)
        if self._runner is not None:
            self._runner.announce(works, stopping)

    def close(self) -> None:
        """Says what became of jobs that were to end, and which go on nevertheless."""
        if self._runner is None:
            return
        if self._runner.are_left:
            click.echo(f"warning: {LEFT.format(self._runner.queue.prefix)}", err=True)
        elif self._runner.has_cancelled:
            click.echo(CANCELLED, err=True)
        elif self._runner.given_up:
            click.echo(GIVEN_UP.format(plural(self._runner.given_up, "job")), err=True)


def _require_possible(cluster: SlurmCluster, environ: Mapping[str, str]) -> None:
    """Checks that a job can be what the profile says.

    Raises:
        UserError: its stage takes more GPUs than nodes have, or it is over as soon as it begins.
    """
    processes = (count(environ, PROCESSES) or 1) // (count(environ, MACHINES) or 1)
    split = count(environ, VLLM_GPUS) or 1
    for name, taken in beyond(cluster, processes=processes, split=split):
        message = f"{name} takes {taken} GPUs of a node, and slurm.gpus is {cluster.gpus}"
        help = f"lower {name} in hardware.yaml, or raise slurm.gpus if nodes have as many"
        raise UserError(message, help=help)
    for name, time in too_short(cluster):
        message = f"{name} is {time}: a job ends {NOTICE} seconds before its limit"
        raise UserError(message, help=f"raise {name} in hardware.yaml")


def engine(
    on: On,
    address: str | None,
    layout: Layout,
    *,
    profile: HardwareProfile,
    room: Room,
    jobs: int | None,
    variables: Mapping[str, str],
    environ: Mapping[str, str] = os.environ,
) -> Engine | None:
    """The engine that the user wants; None for this machine.

    Args:
        on: its name.
        address: of a Ray cluster, as the command line says it.
        layout: the repository.
        profile: of the user's hardware.
        room: what a cluster may use of this machine that the run starts by itself.
        jobs: how many stages run at once; None for as many as have room.
        variables: of the environment, that stages get besides.
        environ: the environment, with what the profile says.

    Raises:
        UserError: it cannot be used from here.
    """
    if address is not None and on != "ray":
        raise UserError("--address is that of a Ray cluster", help="add: --on ray")
    if on == "slurm" and jobs is not None:
        raise UserError(UNBOUNDED, help=BOUNDS)
    if on == "slurm":
        return OnSlurm(layout, profile.slurm or SlurmCluster(), environ)
    if on == "ray":
        said = None if profile.ray is None else profile.ray.address
        where = address_of(address, said, environ)
        return OnRay(layout, where, room, jobs, variables, environ)
    return None


def driving(layout: Layout, local: Runner, variables: Variables) -> Driving:
    """This machine, for a runner whose works go elsewhere."""
    made = partial(track, layout)
    return Driving(layout=layout, local=local, variables=variables, made=made)


def track(layout: Layout, work: Work) -> None:
    """Brings tracking up to date where a stage that was done elsewhere completes an iteration."""
    directory = directory_of(work)
    if directory is None or not KINDS[kind_of(directory)].tracked:
        return
    if len(work.experiments) <= MOST_TRACKED:
        for experiment in work.experiments:
            start_in_background(layout, experiment)
