"""How many children judge at once: as many as the stage has processors.

More would take the processors of other stages. A program's wall time is bounded by a few times its
processor time, so on an overloaded machine right answers would become timeouts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dataenvgym_spec.core.room import cpus_given

MOST: Final = 4
"""However many processors there are: each child may take as much memory as the limits allow."""
BESIDE: Final = "LOCAL_WORLD_SIZE"
"""torch's variable for how many processes train together on this machine, each with a judge."""


def lanes(environ: Mapping[str, str]) -> int:
    """How many children of a stage judge at once, of one that trains those of each process.

    Args:
        environ: of the stage.
    """
    processes = environ.get(BESIDE, "")
    return lanes_of(cpus_given(environ), int(processes) if processes.isdecimal() else 1)


def lanes_of(cpus: int, processes: int = 1) -> int:
    """The same, by what a stage has.

    >>> lanes_of(64), lanes_of(1), lanes_of(8, processes=4)
    (4, 1, 2)
    """
    return max(1, min(MOST, cpus // max(1, processes)))
