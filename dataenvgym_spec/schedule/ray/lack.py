"""What a work waits for at Ray, in words: Ray keeps it until there is room, and says no reason."""

from __future__ import annotations

from collections.abc import Iterable

from dataenvgym_spec.core.text import size_text
from dataenvgym_spec.schedule.protocol import Needs
from dataenvgym_spec.schedule.ray.cluster import Machine


def lack(needs: Needs, machines: Iterable[Machine]) -> str:
    """Why a work does not run.

    >>> one = Machine(id="x", name="a", room=Needs(cpus=4, gpus=1))
    >>> lack(Needs(cpus=2), [one])
    'for 2 CPUs on a machine'
    >>> lack(Needs(cpus=2, gpus=1, machines=2), [one])
    'for 2 machines with 2 CPUs, 1 GPU each: the cluster has room for 1'

    Args:
        needs: what is wanted of each machine.
        machines: those that are there.
    """
    wanted = _words(needs)
    count = sum(_times(needs, machine.room) for machine in machines)
    several = f"{needs.machines} machines with {wanted} each"
    if needs.machines == 1 and not count:
        return f"for a machine with {wanted}: the cluster has none"
    if needs.machines == 1:
        return f"for {wanted} on a machine"
    enough = count >= needs.machines
    return f"for {several}" if enough else f"for {several}: the cluster has room for {count}"


def _times(needs: Needs, room: Needs) -> int:
    """How many times a machine has what is needed."""
    pairs = (
        (needs.cpus, room.cpus),
        (needs.gpus, room.gpus),
        (needs.memory, room.memory),
    )
    return min((has // wanted for wanted, has in pairs if wanted), default=needs.machines)


def _words(needs: Needs) -> str:
    parts = [f"{needs.cpus} CPU{'s' * (needs.cpus != 1)}"]
    if needs.gpus:
        parts.append(f"{needs.gpus} GPU{'s' * (needs.gpus != 1)}")
    if needs.memory:
        parts.append(size_text(needs.memory))
    return ", ".join(parts)
