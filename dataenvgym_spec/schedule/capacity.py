"""What a machine has room for: as much as it has, or as its hardware profile allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dataenvgym_spec.core.room import VISIBLE, cpus_here, gpus_here, gpus_named, memory_here
from dataenvgym_spec.schedule.protocol import Needs
from dataenvgym_spec.setup.hardware.profile import Room


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What works can use at once.

    Attributes:
        cpus: processors.
        gpus: the names of GPUs, as `CUDA_VISIBLE_DEVICES` has them.
        memory: bytes of main memory; 0 if that is not known, and then nothing is held against it.
    """

    cpus: int
    gpus: tuple[str, ...] = ()
    memory: int = 0

    @classmethod
    def here(cls, environ: Mapping[str, str], room: Room, jobs: int | None = None) -> Capacity:
        """That of this machine.

        Args:
            environ: the environment, which may name the GPUs to use.
            room: what the hardware profile allows.
            jobs: how many processors to use, whatever there are; by default those that there are.
        """
        gpus = _gpus(environ)
        return cls(
            cpus=jobs or room.cpus or cpus_here(),
            gpus=gpus if room.gpus is None else gpus[: room.gpus],
            memory=room.memory or memory_here() or 0,
        )

    def shown(self, environ: Mapping[str, str]) -> dict[str, str]:
        """An environment in which the GPUs of works are the only ones.

        >>> Capacity(cpus=4, gpus=("2", "3")).shown({})
        {'CUDA_VISIBLE_DEVICES': '2,3'}

        Args:
            environ: without that.
        """
        return {**environ, VISIBLE: ",".join(self.gpus)}

    def clipped(self, needs: Needs) -> Needs:
        """Needs, and where they are more than there is, all that there is."""
        memory = min(needs.memory, self.memory) if self.memory else 0
        return Needs(
            cpus=min(needs.cpus, self.cpus), gpus=min(needs.gpus, len(self.gpus)), memory=memory
        )


def _gpus(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The GPUs that a process with some environment sees, as that names them."""
    count, named = gpus_here(environ), gpus_named(environ)
    return tuple(map(str, range(count))) if named is None else named[:count]
