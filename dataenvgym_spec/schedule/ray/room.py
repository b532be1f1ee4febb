"""Whether the machines of a Ray cluster together have room for one more work.

A run asks it for each work that it starts: it costs a step for each kind of need that works have,
however many works run and machines there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from dataenvgym_spec.schedule.protocol import Needs
from dataenvgym_spec.schedule.ray.cluster import Machine
from dataenvgym_spec.schedule.ray.lack import clipped

RESOURCES: Final = ("cpus", "gpus", "memory")


class ClusterRoom:
    """What works take of a cluster's machines, counted as works come and go."""

    def __init__(self) -> None:
        self._counts = Counter[Needs]()
        """How many works have some needs."""
        self._machines: Sequence[Machine] = ()
        self._rooms = Needs(cpus=0)
        """All that those have together."""
        self._clipped: dict[Needs, Needs] = {}
        """What needs are on those machines."""

    def begun(self, needs: Needs) -> None:
        """A work takes what it needs."""
        self._counts[needs] += 1

    def ended(self, needs: Needs) -> None:
        """It takes that no longer."""
        self._counts[needs] -= 1
        if not self._counts[needs]:
            del self._counts[needs]

    def clipped(self, needs: Needs, machines: Sequence[Machine]) -> Needs:
        """What is asked for of a machine.

        Args:
            needs: of a work.
            machines: those that are there.
        """
        if machines is not self._machines:
            if machines != self._machines:
                self._renew(machines)
            self._machines = machines
        found = self._clipped.get(needs)
        if found is None:
            found = self._clipped[needs] = clipped(needs, machines)
        return found

    def _renew(self, machines: Sequence[Machine]) -> None:
        self._clipped = {}
        self._rooms = Needs(
            cpus=sum(machine.room.cpus for machine in machines),
            gpus=sum(machine.room.gpus for machine in machines),
            memory=sum(machine.room.memory for machine in machines),
        )

    def has(self, needs: Needs, machines: Sequence[Machine], *, but: Needs) -> bool:
        """Whether there is room for a work beside those that have begun.

        Args:
            needs: of the work.
            machines: those that are there.
            but: what one of the works that have begun needs, which may wait for a machine.
        """
        wanted, waiting = self.clipped(needs, machines), self.clipped(but, machines)
        taken = [(self.clipped(one, machines), count) for one, count in self._counts.items()]
        for name in RESOURCES:
            if not getattr(wanted, name):
                continue
            total = wanted.machines * getattr(wanted, name)
            total -= waiting.machines * getattr(waiting, name)
            total += sum(count * one.machines * getattr(one, name) for one, count in taken)
            if total > getattr(self._rooms, name):
                return False
        return True
