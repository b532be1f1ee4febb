"""Machines of a Ray cluster that train together: room on each of them, had at once, and its use.

Ray reserves the room as a placement group. The stage runs in its first part; in each other one runs
a task that takes part in the stage's trainings, and ends with the stage.
"""

from __future__ import annotations

import time
from typing import Any, Final

from dataenvgym_spec.schedule.parcels.parcel import Outcome
from dataenvgym_spec.schedule.protocol import Needs
from dataenvgym_spec.schedule.ray import tasks
from dataenvgym_spec.schedule.ray.cluster import Cluster

LATE: Final = 90.0
"""Seconds for which it is waited how the other machines have ended: Ray hears late of a death."""


class Group:
    """The room for one training, and the machines beside the first.

    Args of the constructor:
        cluster: the cluster.
        needs: of the stage, on each machine.
        content: the parcel of the stage.
        name: of the stage, as Ray shows it.
    """

    def __init__(self, cluster: Cluster, needs: Needs, content: bytes, name: str) -> None:
        self._ray = cluster.ray
        self._room = self._ray.util.placement_group(
            [_bundle(needs)] * needs.machines, strategy=_strategy(cluster, needs)
        )
        self._ending: float | None = None
        self.lost = ""
        """Why one of the machines is gone; empty if none is."""
        self.failed: Outcome | None = None
        """What a machine says that takes part no longer."""
        helped = self._ray.remote(tasks.helped)
        self.streams: set[Any] = {
            helped.options(**self.part(number, needs, name), num_returns="streaming").remote(
                content, cluster.given(needs)
            )
            for number in range(1, needs.machines)
        }
        """What those say that have not ended."""

    def part(self, number: int, needs: Needs, name: str) -> dict[str, Any]:
        """The options of a task that uses a part of the room, by its number."""
        strategies = self._ray.util.scheduling_strategies
        return {
            "name": name,
            "num_cpus": needs.cpus,
            "num_gpus": needs.gpus,
            "memory": needs.memory or None,
            "max_retries": 0,
            "scheduling_strategy": strategies.PlacementGroupSchedulingStrategy(
                placement_group=self._room, placement_group_bundle_index=number
            ),
        }

    def read(self, stream: Any) -> bytes:
        """What one of the other machines says; notes it if that one has ended."""
        try:
            kind, content = self._ray.get(next(stream))
        except StopIteration:
            self.streams.discard(stream)
            return b""
        except self._ray.exceptions.RayError as error:
            self.streams.discard(stream)
            cancelled = (self._ray.exceptions.TaskCancelledError, self._ray.exceptions.RayTaskError)
            if self._ending is None or not isinstance(error, cancelled):
                self.lost = said(error)
            return b""
        if kind == tasks.SAID:
            text: bytes = content
            return text
        if self._ending is None:
            self.failed = Outcome.unpack(content)
        return b""

    @property
    def is_ending(self) -> bool:
        """Whether the other machines' parts have been told to end."""
        return self._ending is not None

    @property
    def is_short(self) -> bool:
        """Whether a machine has ended by itself: no training comes to its end any more."""
        return not self.is_ending and bool(self.lost or self.failed)

    def end(self, *, now: bool) -> None:
        """Ends the other machines' parts, and returns at once."""
        if self._ending is None:
            self._ending = time.monotonic()
        for stream in self.streams:
            self._ray.cancel(stream, force=now)

    def close(self) -> bool:
        """Gives the room back once all have ended, or it takes too long; whether that is so."""
        if self._ending is None:
            return False
        late = time.monotonic() - self._ending > LATE
        if self.streams and not late:
            return False
        if self.streams:
            self.lost = self.lost or "it does not answer"
            self.streams.clear()
        self._ray.util.remove_placement_group(self._room)
        return True


def said(error: Exception) -> str:
    """The first words of an error of Ray; what follows is about looking into Ray."""
    words = str(error).strip().partition("\n")[0].partition(". ")[0]
    return words or type(error).__name__


def _bundle(needs: Needs) -> dict[str, float]:
    """What a machine's part is, in Ray's words."""
    wanted = {"CPU": needs.cpus, "GPU": needs.gpus, "memory": needs.memory}
    return {name: float(amount) for name, amount in wanted.items() if amount}


def _strategy(cluster: Cluster, needs: Needs) -> str:
    """Each part on a machine of its own, or, where there are too few, as far apart as can be."""
    rooms = [machine.room for machine in cluster.machines]
    roomy = [
        room
        for room in rooms
        if room.cpus >= needs.cpus and room.gpus >= needs.gpus and room.memory >= needs.memory
    ]
    return "STRICT_SPREAD" if len(roomy) >= needs.machines else "SPREAD"
