"""A connection to a Ray cluster, and what its machines are."""

from __future__ import annotations

import math
import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from dataenvgym_spec.core.errors import MissingExtra, UserError
from dataenvgym_spec.schedule.parcels.parcel import SAME, Home, differences, here
from dataenvgym_spec.schedule.protocol import Needs
from dataenvgym_spec.schedule.ray import tasks
from dataenvgym_spec.schedule.ray.lasting import Lasting
from dataenvgym_spec.setup.hardware.profile import Room

ADDRESS: Final = "RAY_ADDRESS"
"""Ray's own variable for the address of a cluster."""
LOOK: Final = 120.0
"""Seconds that a machine has to say what it is."""
START: Final = 120
"""Seconds that a cluster of our own has to start."""
FRESH: Final = 5.0
"""Seconds for which a list of machines holds."""
PAUSE: Final = 1.0
"""Seconds between two looks whether a machine has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine of a cluster: Ray's name for it, and what works can use there."""

    id: str
    name: str
    room: Needs


class Cluster:
    """A Ray cluster that this process is connected to. One at a time."""

    def __init__(self, ray: ModuleType, address: str | None) -> None:
        self.ray, self.address = ray, address
        self.run = secrets.token_hex(16)
        """What this run is called on its machines; nobody else knows it."""
        self._machines: tuple[Machine, ...] = ()
        self._at = -math.inf
        self._lasting: dict[str, Any] = {}
        """The processes that last as long as the run, by machine."""

    @classmethod
    def connect(cls, address: str | None, own: Room | None = None) -> Cluster:
        """Connects to a cluster, or starts one on this machine that ends with this process.

        Args:
            address: that of a cluster of the user's; None for one of our own.
            own: what one of our own may use of this machine; by default what Ray finds.

        Raises:
            MissingExtra: Ray is not installed.
            UserError: there is no cluster at the address, or this process may not use it.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        # On a busy machine its processes take longer to start than the 20 s that Ray waits.
        os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", str(START))
        if address is None and "RAY_AUTH_MODE" not in os.environ:
            # Its ports are open to the network, so nobody without this may use it. Ray reads it
            # when it is imported.
            os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        try:
            import ray
        except ImportError as error:
            raise MissingExtra("ray", "ray", "running on Ray") from error
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        try:
            if address is None:
                ray.init(address="local", include_dashboard=False, **_asked(own or Room()), **quiet)
            else:
                ray.init(address=address, **quiet)
        except Exception as error:  # of no class of its own where a machine is too slow to start
            raise _unreachable(address, error) from error
        return cls(ray, address)

    @property
    def is_ours(self) -> bool:
        """Whether it is this run's alone."""
        return self.address is None

    @property
    def machines(self) -> tuple[Machine, ...]:
        """Those that are there now, as far as is known."""
        if time.monotonic() - self._at > FRESH:
            self._machines = tuple(map(_machine, filter(_alive, self.ray.nodes())))
            self._at = time.monotonic()
        return self._machines

    def largest(self) -> Needs:
        """The most of everything that one machine has."""
        rooms = [machine.room for machine in self.machines]
        return Needs(
            cpus=max((room.cpus for room in rooms), default=0),
            gpus=max((room.gpus for room in rooms), default=0),
            memory=max((room.memory for room in rooms), default=0),
        )

    def attend(self) -> None:
        """Sees to it that each machine has a process that lasts as long as the run.

        It does not wait for those that have just joined.
        """
        for machine in self.machines:
            if machine.room.cpus and machine.id not in self._lasting:
                lasting = self.ray.remote(Lasting).options(num_cpus=0, **self._on(machine))
                self._lasting[machine.id] = lasting.remote(self.run, machine.room.memory)

    def _on(self, machine: Machine) -> dict[str, Any]:
        """The options of what runs on one machine."""
        strategies = self.ray.util.scheduling_strategies
        there = strategies.NodeAffinitySchedulingStrategy(machine.id, soft=False)
        return {"scheduling_strategy": there}

    def given(self, needs: Needs) -> tasks.Given:
        """What a task of this run has of its machine."""
        lent = not self.is_ours
        return tasks.Given(run=self.run, cpus=needs.cpus, memory=needs.memory, lent=lent)

    def wait_for_room(self, waiting: Callable[[], None]) -> None:
        """Waits until a machine has a processor for stages.

        One is asked for, so that a cluster that grows by demand starts a machine.

        Args:
            waiting: is called once, if there is none yet.
        """
        if self.largest().cpus:
            return
        waiting()
        asked = self.ray.remote(tasks.room).options(num_cpus=1, max_retries=0).remote()
        while not self.largest().cpus:
            time.sleep(PAUSE)
            self._at = -math.inf
        self.ray.cancel(asked)

    def sees(self, home: Home) -> bool:
        """Whether all machines see a clone.

        Raises:
            UserError: a machine has other releases than this one, or does not answer.
        """
        look = self.ray.remote(tasks.look)
        asked = [
            look.options(num_cpus=0, max_retries=0, **self._on(machine)).remote(home)
            for machine in self.machines
        ]
        answers = [answer for one in asked if (answer := self._answer(one)) is not None]
        if not answers:
            message = "no machine of the Ray cluster answers"
            raise UserError(message, help="look at it with: ray status")
        for answer in answers:
            others = differences(here(), answer["versions"])
            if others:
                message = f"'{answer['name']}' has other releases than this machine"
                raise UserError(f"{message}: {', '.join(others)}", help=SAME)
        return all(answer["sees"] for answer in answers)

    def require(self, packages: Sequence[str]) -> None:
        """Checks that the machines that do stages have packages.

        Args:
            packages: by the names that Python imports.

        Raises:
            UserError: one has not, or does not answer.
        """
        look = self.ray.remote(tasks.lacks)
        asked = []
        for machine in self.machines:
            if packages and machine.room.cpus:
                there = look.options(num_cpus=0, max_retries=0, **self._on(machine))
                asked.append(there.remote(packages))
        for one in asked:
            answer = self._answer(one)
            if answer is not None and answer["lacking"]:
                names = ", ".join(answer["lacking"])
                message = f"'{answer['name']}' lacks packages that stages of this run need: {names}"
                raise UserError(message, help=SAME)

    def _answer(self, asked: Any) -> dict[str, Any] | None:
        """What a machine says of itself; None of one that is gone meanwhile.

        Raises:
            UserError: it cannot say it.
        """
        gone = (self.ray.exceptions.TaskUnschedulableError, self.ray.exceptions.NodeDiedError)
        try:
            answer: dict[str, Any] = self.ray.get(asked, timeout=LOOK)
        except gone:
            self._at = -math.inf  # who is there is asked anew
            return None
        except self.ray.exceptions.RayError as error:
            reason = str(error).strip().splitlines()[-1]
            message = f"a machine of the Ray cluster cannot run this package: {reason}"
            raise UserError(message, help=f"install it there; {SAME}") from error
        return answer

    def close(self) -> None:
        """Ends the connection, and the cluster if it is our own."""
        self.ray.shutdown()


def address_of(option: str | None, profile: str | None, environ: Mapping[str, str]) -> str | None:
    """Where the cluster of the user is; None if a run starts one.

    >>> address_of(None, "10.0.0.1:6379", {"RAY_ADDRESS": "auto"})
    'auto'

    Args:
        option: of the command line.
        profile: of the user's file of hardware.
        environ: the environment.
    """
    return option or environ.get(ADDRESS) or profile or None


def _asked(room: Room) -> dict[str, Any]:
    """What a cluster of our own has, in the words of `ray.init`."""
    return {"num_cpus": room.cpus, "num_gpus": room.gpus, "_memory": room.memory}


def _alive(row: Mapping[str, Any]) -> bool:
    return bool(row["Alive"])


def _machine(row: Mapping[str, Any]) -> Machine:
    resources = row["Resources"]
    room = Needs(
        cpus=int(resources.get("CPU", 0)),
        gpus=int(resources.get("GPU", 0)),
        memory=int(resources.get("memory", 0)),
    )
    return Machine(id=row["NodeID"], name=row["NodeManagerHostname"], room=room)


def _unreachable(address: str | None, error: Exception) -> UserError:
    reason = str(error).strip().splitlines()[0]
    if address is None:
        return UserError(f"Ray does not start here: {reason}", help="see docs/clusters.md")
    help = (
        "is it 'ray start' of a machine of the cluster that was run here too? If the cluster asks "
        "for a token: set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN"
    )
    return UserError(f"there is no Ray cluster at '{address}': {reason}", help=help)
