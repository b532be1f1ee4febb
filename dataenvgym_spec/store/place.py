"""Where the journal of this machine is: with the data of this user, outside of all repositories."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import platformdirs

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.variables import JOURNAL, folder

FILE: Final = "journal.sqlite"
SHARED: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "gpfs", "beegfs"}
)
"""File systems that several machines share: SQLite's write-ahead log does not work on them."""
_CLUSTERED: Final = SHARED | frozenset(
    {"wekafs", "panfs", "pvfs2", "orangefs", "gfs2", "ocfs2", "fhgfs", "smb2", "virtiofs", "9p"}
)
"""The same and rarer ones: a lock of the kernel there may be one of this machine only."""
_LOCAL: Final = frozenset(
    {"bindfs", "encfs", "fuse-overlayfs", "gocryptfs", "lxcfs", "mergerfs", "ntfs-3g", "overlayfs"}
)
"""What runs on FUSE and shows a disk of this machine. Most others show a server's."""
_MOUNTS: Final = Path("/proc/self/mountinfo")


def journal_file(environ: Mapping[str, str]) -> Path:
    """The file of the journal.

    Raises:
        UserError: its folder is on a network disk, or named by a relative path.
    """
    place = folder(environ, JOURNAL) or platformdirs.user_data_path("dataenvgym")
    kind = file_system(place.absolute())
    if kind in SHARED:
        message = f"the journal cannot be in '{place}', which is on a network disk ({kind})"
        help = f"set {JOURNAL} to a folder on a disk of this machine, one that is not emptied"
        raise UserError(message, help=help)
    return place / FILE


def shared_disk(path: Path) -> str:
    """The type of the file system of a path if other machines may see it too; empty if not."""
    kind = file_system(path)
    family, _, name = kind.partition(".")
    on_fuse = family == "fuse" and name not in _LOCAL
    return kind if kind in _CLUSTERED or on_fuse else ""


def file_system(path: Path, mounts: Path = _MOUNTS) -> str:
    """The type of the file system that a path is or will be on; empty where it cannot be told."""
    if sys.platform != "linux":
        return ""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    real, kind, longest = path.resolve(), "", -1
    for line in lines:
        left, _, right = line.partition(" - ")
        point = Path(left.split()[4].replace("\\040", " "))
        # Of two mounts at one place the later one is seen.
        if real.is_relative_to(point) and len(point.parts) >= longest:
            kind, longest = right.split()[0], len(point.parts)
    return kind
