"""Writes that are whole or not there: files and directories are made beside their place and renamed into it."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path


def write(path: Path, text: str) -> bool:
    """Writes a text file if its content changes; returns whether it did."""
    if holds(path, text):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)
    return True


def holds(path: Path, text: str) -> bool:
    """Whether a file is there and holds this text."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (a compile of a sweep comes here 36,000 times)
            return file.read() == text.encode()
    except OSError:
        return False


def write_directory(path: Path, files: dict[str, str], *, staging: Path) -> bool:
    """Makes a directory hold these text files, others untouched; a new one appears whole. Returns whether anything changed.

    What a new directory holds is not forced to disk: it can be made again, and waiting for the disk file by file takes
    minutes for a sweep.

    Args:
        path: the directory.
        files: text by file name.
        staging: a folder on the same file system; DVC must not look into it, for a half-written `dvc.yaml` stops it.
    """
    if path.is_dir():
        return sum(write(path / name, text) for name, text in files.items()) > 0
    # Strings and the calls of the kernel: paths and buffered files double the time of a sweep's 18,000 directories.
    temporary = f"{staging}/{path.name}.{os.getpid()}"
    _make(temporary)
    try:
        for name, text in files.items():
            handle = os.open(f"{temporary}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            try:
                _write(handle, text.encode())
            finally:
                os.close(handle)
        _move(temporary, path)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in (
            errno.ENOTEMPTY,
            errno.EEXIST,
        ):  # another compile was faster
            return write_directory(path, files, staging=staging)
        raise
    return True


def _make(folder: str) -> None:
    try:
        os.mkdir(folder)  # noqa: PTH102
    except FileNotFoundError:
        os.makedirs(folder)  # noqa: PTH103
    except FileExistsError:  # left by a killed process of the same number, as in containers
        shutil.rmtree(folder)
        os.mkdir(folder)  # noqa: PTH102


def _write(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]


def _move(folder: str, path: Path) -> None:
    try:
        os.rename(folder, path)  # noqa: PTH104
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.rename(folder, path)  # noqa: PTH104


def link_tree(source: Path, target: Path) -> None:
    """Makes `target` a copy of `source` by hard links, or by copies where the file system has none."""
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copytree(source, target, copy_function=os.link)
    except (OSError, shutil.Error):
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
