"""What results are made of and the store does not hold: files that stages name, base students.

Each is verified before it is handed out: a path never stands for a content.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from dataenvgym_spec.core.contents import Contents
from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.core.folders import FolderFault
from dataenvgym_spec.core.roots import Outside
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.gym.make import make
from dataenvgym_spec.gym.students.models.protocol import Found
from dataenvgym_spec.records.files import read
from dataenvgym_spec.records.students import REFERENCE, StudentReference
from dataenvgym_spec.store.layout import Layout

COMPILE: Final = "run: dataenvgym compile"


def verified(contents: Contents, digest: str, name: str) -> Path:
    """The file or folder of a digest.

    Args:
        contents: of the repository.
        digest: what it has to hold, as keys name it: `sha256:...`.
        name: what a stage calls it.

    Raises:
        StageError: it is missing, or another.
    """
    needs = _needs(name, digest)
    try:
        path = contents.place(name)
        found = f"sha256:{contents.digest(path)}"
    except FileNotFoundError as error:
        message = f"the file '{name}' is missing{needs}"
        raise StageError(message, help=f"restore it, or {COMPILE}") from error
    except UserError as error:
        message = f"'{name}' cannot be read: {error.message}{needs}"
        raise StageError(message, help=error.help) from error
    except FolderFault as error:
        raise StageError(f"'{name}' {error}", help=error.help) from error
    except OSError as error:
        message = f"'{name}' cannot be read: {error.strerror}"
        raise StageError(message, help="make it readable, and run again") from error
    if found != digest:
        message = f"'{name}' is not what this stage was compiled for: its content has changed"
        raise StageError(f"{message}{needs}", help=COMPILE)
    return path


def _needs(name: str, digest: str) -> str:
    """What a file outside has to hold: git has no other word of it."""
    return "" if Outside.parse(name) is None else f"; its content has to be {digest}"


class _Named(msgspec.Struct):
    """The part of a `stage.json` that names files: paths by digest."""

    files: dict[str, str]


def named_files(layout: Layout, directory: str) -> dict[str, str]:
    """The files that a stage in the store names: paths by digest.

    Raises:
        OSError: there is no such stage.
        ValueError: its `stage.json` is damaged.
    """
    text = (layout.stage(directory) / "stage.json").read_bytes()
    return msgspec.json.decode(text, type=_Named).files


class Students:
    """The base students that the store only refers to."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._contents = Contents(layout.root)

    def size(self, found: Found) -> int:
        """The size of a student's files, in bytes."""
        if found.size is not None:
            return found.size
        return sum(path.stat().st_size for path in self._contents.files(found.folder).values())

    def folder(self, port: Path) -> Path:
        """The folder of the student that a port holds, or refers to.

        Raises:
            StageError: it is not on this machine and cannot be fetched, or is another.
            MissingExtra: a package that fetches it is not installed.
        """
        if not (port / REFERENCE).is_file():
            return port
        reference = read(port / REFERENCE, StudentReference)
        model = make(Component.parse("model", reference.model), files=self._files(reference))
        found: Found = model.find(reference.size)
        size = self.size(found)
        if size != reference.size:
            message = f"'{found.folder}' holds {size} bytes and not {reference.size}"
            raise StageError(message, help="remove it, and run again to fetch it anew")
        return found.folder

    def _files(self, reference: StudentReference) -> dict[str, Path]:
        path = self._layout.stage(reference.stage) / "stage.json"
        try:
            named = named_files(self._layout, reference.stage)
        except (OSError, ValueError) as error:
            message = f"'{path.relative_to(self._layout.root)}' is missing or damaged"
            raise StageError(message, help=COMPILE) from error
        return {digest: verified(self._contents, digest, name) for digest, name in named.items()}
