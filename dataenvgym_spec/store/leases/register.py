"""Where leases are written down: a folder that all hosts see.

All that leases rest on is that a name can be created by one host only.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path
from typing import Protocol

from dataenvgym_spec.core.errors import StageError


class Register(Protocol):
    """Small texts by name. A name is a path of two parts: that of a log, and one in it."""

    def create(self, name: str, content: bytes) -> bool:
        """Writes a new text, whole or not at all; False if the name exists.

        Of all hosts that try it at once, one gets True.
        """

    def read(self, name: str) -> bytes | None:
        """A text; None if there is none of this name."""

    def overwrite(self, name: str, content: bytes) -> None:
        """Writes a text of which one host is the only writer."""

    def names(self, log: str) -> list[str]:
        """The names in a log, without it."""

    def logs(self) -> list[str]:
        """All logs."""

    def remove(self, name: str) -> None:
        """Removes a text, if it is there."""


class FolderRegister:
    """A register in a folder, on this disk or on one that several machines share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self, name: str, content: bytes) -> bool:
        """Writes a new file, whole or not at all; False if it exists.

        Raises:
            StageError: the file system has no hard links.
        """
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        temporary.write_bytes(content)
        try:
            _sync(temporary)
            # A link is made by the server of a network disk, for one host only. An open file with
            # O_EXCL would be, too, but is empty until it is written.
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError as error:
            message = f"'{self.folder}' cannot hold leases: it has no hard links ({error.strerror})"
            help = (
                "choose another folder or object storage by leases.at in hardware.yaml, or "
                "'host' where no other machine works in this clone"
            )
            raise StageError(message, help=help) from error
        finally:
            temporary.unlink(missing_ok=True)
        return True

    def read(self, name: str) -> bytes | None:
        """A file; None if there is none of this name."""
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def overwrite(self, name: str, content: bytes) -> None:
        """Writes a file in its place.

        A client of NFS asks the server for a file's content when it opens the file, but keeps what
        it knows of names for a minute: a new file renamed into the place would be seen that late.
        """
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.pwrite(handle, content, 0)
        finally:
            os.close(handle)

    def names(self, log: str) -> list[str]:
        """The names in a log."""
        try:
            found = [path.name for path in (self.folder / log).iterdir()]
        except FileNotFoundError:
            return []
        return [name for name in found if not name.startswith(".")]

    def logs(self) -> list[str]:
        """All logs."""
        with contextlib.suppress(FileNotFoundError):
            return sorted(entry.name for entry in os.scandir(self.folder) if entry.is_dir())
        return []

    def remove(self, name: str) -> None:
        """Removes a file, if it is there."""
        (self.folder / name).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    with path.open("rb") as handle:
        os.fsync(handle.fileno())
