"""Trainings that several machines of a cluster do together.

The first machine does the stage of a parcel; each other one does its part of the training
(`execute.training.help`), which it finds in the stage's folder on the file system that they share.
The engine has started both, and ends them together.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.addresses import joined, parted
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.hashing import STEADY
from dataenvgym_spec.core.variables import MACHINES, MAIN_ADDRESS
from dataenvgym_spec.schedule.parcels.node import folder_of
from dataenvgym_spec.schedule.parcels.parcel import Parcel

HELPER: Final = "dataenvgym_spec.execute.training.help"
GRACE: Final = 30.0
"""Seconds that a training has to end by itself once one of its machines is gone."""
APART: Final = "a training of several machines needs a file system that all of them see"


def require_together(machines: int, *, shared: bool) -> None:
    """Looks whether machines can train together.

    Args:
        machines: how many.
        shared: whether they see one file system.

    Raises:
        UserError: they cannot.
    """
    if machines > 1 and not shared:
        help = "mount the repository there at the same path, or set training.num_machines to 1"
        raise UserError(APART, help=help)


def told(machines: int, address: str, defaults: Mapping[str, str]) -> dict[str, str]:
    """What the environment of the first machine says besides.

    Args:
        machines: how many train together.
        address: of this one, as the others reach it.
        defaults: the environment of the driver, which may name a port.

    >>> told(2, "10.0.0.7", {"DATAENVGYM_MAIN_ADDRESS": ":4567"})
    {'DATAENVGYM_MACHINES': '2', 'DATAENVGYM_MAIN_ADDRESS': '10.0.0.7:4567'}
    >>> told(2, "fe80::1", {"DATAENVGYM_MAIN_ADDRESS": ":4567"})["DATAENVGYM_MAIN_ADDRESS"]
    '[fe80::1]:4567'
    """
    port = None
    with suppress(ValueError):  # what is no address names no port
        _, port = parted(defaults.get(MAIN_ADDRESS, "").strip())
    return {MACHINES: str(machines), MAIN_ADDRESS: joined(address, port)}


def helper(parcel: Parcel, parent: int = 0) -> list[str]:
    """The command of a machine beside the first.

    Args:
        parcel: of the stage.
        parent: the process that it ends with; 0 where whoever starts it sees to that.

    Raises:
        StageError: this machine does not see the clone.
        UserError: a variable of the environment says what cannot be meant.
    """
    folder = folder_of(parcel.home, os.environ) / parcel.stage
    return command(folder, parent)


def command(folder: Path, parent: int = 0) -> list[str]:
    """The command of a machine beside the first, by the folder of the stage there."""
    return [sys.executable, "-P", "-m", HELPER, str(folder), str(parent)]


def environment(parcel: Parcel, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a machine beside the first: as the first has it."""
    return {**parcel.defaults, **environ, **parcel.variables, **STEADY}
