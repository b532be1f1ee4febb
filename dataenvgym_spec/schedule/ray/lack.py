"""What is asked of Ray for a work, and what it waits for there: Ray says no reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from dataenvgym_spec.core.text import size_text
from dataenvgym_spec.schedule.protocol import Needs
from dataenvgym_spec.schedule.ray.cluster import Machine


def clipped(needs: Needs, machines: Sequence[Machine]) -> Needs:
    """Needs, and where they are more than any machine has, all of the one that comes nearest.

    That is one machine, and not the most of each: there may be none with the GPUs of one and the
    memory of another, and Ray would wait for it. GPUs count first, then memory, then processors.

    What no machine has any of at the moment, a stage that is to have some waits for at Ray. With
    less it would go to a machine that is to run no stage, or have a model run on processors that is
    to run on GPUs, once the last machine with some is gone.

    >>> big = Machine(id="x", name="a", room=Needs(cpus=64, memory=500))
    >>> fast = Machine(id="y", name="b", room=Needs(cpus=8, gpus=4, memory=60))
    >>> clipped(Needs(cpus=16, gpus=8, memory=100), [big, fast])
    Needs(cpus=8, gpus=4, memory=60, machines=1, light=False, here=False)
    >>> clipped(Needs(cpus=16, memory=100), [big, fast]).memory
    100

    Args:
        needs: of one machine, whatever their `machines`.
        machines: those that are there.
    """
    rooms = [machine.room for machine in machines if machine.room.cpus]
    least = Needs(cpus=0)

    def had(room: Needs) -> tuple[int, int, int]:
        return (
            min(needs.gpus, room.gpus),
            min(needs.memory, room.memory),
            min(needs.cpus, room.cpus),
        )

    gpus, memory, cpus = max(map(had, rooms), default=had(least))
    return replace(needs, cpus=cpus or needs.cpus, gpus=gpus or needs.gpus, memory=memory)


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
