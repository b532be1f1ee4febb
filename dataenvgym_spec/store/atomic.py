"""Atomic writes: files and directories are made next to their final place and renamed into it.

What is written is not decided here; see `emit.write` and `store.scratch`.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from pathlib import Path

from dataenvgym_spec.core.folders import files_of


def write(path: Path, text: str) -> bool:
    """Writes a text file if its content changes; returns whether it did.

    A file that exists keeps its mode; a new one gets that of files that programs write.
    """
    if holds(path, text):
        return False
    write_bytes(path, text.encode())
    return True


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file; it is on the disk before it has its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # `mkstemp` makes files that only their owner can read.
        temporary.chmod(_mode(path))
        temporary.replace(path)
    except BaseException:
        # A full disk, Ctrl-C, or a text that has no bytes: nothing stays behind.
        temporary.unlink(missing_ok=True)
        raise


def holds(path: Path, text: str) -> bool:
    """Whether a file exists and holds this text."""
    try:
        # A compile of a sweep comes here 36,000 times.
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            return file.read() == text.encode()
    except OSError:
        return False


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0o644


def write_directory(path: Path, files: dict[str, str], *, staging: Path) -> bool:
    """Makes a directory hold these text files; other files in it are untouched.

    A new directory appears whole. Its content is not forced to disk: it can be made again, and
    waiting for the disk file by file takes minutes for a sweep.

    Args:
        path: the directory.
        files: text by file name.
        staging: a folder on the same file system that DVC does not look into, for a half-written
            `dvc.yaml` stops it.

    Returns:
        Whether anything changed.

    Raises:
        OSError: it cannot be written.
    """
    if path.is_dir():
        changes = [write(path / name, text) for name, text in files.items()]
        return any(changes)
    # Strings and the kernel's own calls: paths and buffered files double the time of a sweep's
    # 18,000 directories.
    temporary = f"{staging}/{path.name}.{os.getpid()}"
    _make(temporary)
    try:
        for name, text in files.items():
            _write_new(f"{temporary}/{name}", text)
        _move(temporary, path)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        # Another compile was faster, and the directory exists now.
        if isinstance(error, OSError) and error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return write_directory(path, files, staging=staging)
        raise
    return True


def _make(folder: str) -> None:
    try:
        os.mkdir(folder)  # noqa: PTH102
    except FileNotFoundError:
        os.makedirs(folder)  # noqa: PTH103
    except FileExistsError:
        # Left by a killed process of the same number, as in containers.
        shutil.rmtree(folder)
        os.mkdir(folder)  # noqa: PTH102


def _write_new(path: str, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        data = text.encode()
        while data:
            written = os.write(handle, data)
            data = data[written:]
    finally:
        os.close(handle)


def _move(folder: str, path: Path) -> None:
    try:
        os.rename(folder, path)  # noqa: PTH104
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.rename(folder, path)  # noqa: PTH104


def link_tree(source: Path, target: Path) -> None:
    """Makes `target` a copy of the files that a folder is, which has the same folders at its top.

    Files are hard links where the file system supports them. Links are followed.

    Raises:
        FolderFault: the folder holds what cannot be used.
        OSError: it cannot be written.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for folder in filter(Path.is_dir, source.iterdir()):
        (target / folder.name).mkdir()
    for name, path in files_of(source).items():
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            place.hardlink_to(path.resolve())
        except OSError:
            shutil.copy2(path, place)
