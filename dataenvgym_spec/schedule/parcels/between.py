"""Leases between clones, of stages that are done elsewhere.

The stage itself takes the lease, where it is done, as it does in a clone: it waits for another
clone that makes the same, takes the result that was published, and pushes what it publishes. All
that its repository needs for that is to know where the leases are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.records.files import parse_json
from dataenvgym_spec.schedule.parcels.parcel import Home
from dataenvgym_spec.setup.hardware.leases import HOST, OBJECTS, told, told_file
from dataenvgym_spec.setup.hardware.profile import LeaseRegister
from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.layout import Layout

SEEN: Final = "seen-by-{token}.txt"
"""A file beside leases by which machines find out whether they see the same folder."""


def said(layout: Layout, home: Home, environ: Mapping[str, str]) -> dict[str, bytes]:
    """What a repository of a stage is told of leases, as files of a parcel.

    Args:
        layout: the clone.
        home: the same, as the parcel names it.
        environ: the environment.

    Raises:
        UserError: the profile says it wrongly.
    """
    register = told(layout, environ)
    if register is None or (register.at == HOST and not home.shared):
        return {}
    folder = folder_of(register)
    if folder is not None:
        atomic.write(folder / SEEN.format(token=home.token), "")
    name = told_file(layout).relative_to(layout.root).as_posix()
    return {name: canonical(register.plain()).encode()}


def folder_of(register: LeaseRegister) -> Path | None:
    """The folder that holds the leases between clones; None where no folder does."""
    if register.at in (None, HOST) or str(register.at).startswith(OBJECTS):
        return None
    return Path(str(register.at))


def require_seen(repository: Layout, home: Home, place: str) -> None:
    """Checks that this machine sees the leases that a stage is to take.

    Args:
        repository: of the stage.
        home: the clone.
        place: this machine.

    Raises:
        StageError: it does not.
    """
    try:
        text = told_file(repository).read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    folder = folder_of(LeaseRegister.parse(parse_json(text)))
    if folder is not None and not (folder / SEEN.format(token=home.token)).is_file():
        message = f"'{place}' does not see '{folder}', where clones have their leases (leases.at)"
        help = "mount it there at the same path, or keep leases in object storage"
        raise StageError(message, help=help)
