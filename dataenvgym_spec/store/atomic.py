"""Writes that are whole or not there: files and directories are made beside their place and renamed into it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path


def write(path: Path, text: str) -> bool:
    """Writes a text file if its content changes; returns whether it did."""
    try:
        if path.read_text(encoding="utf-8") == text:
            return False
    except (OSError, UnicodeDecodeError):
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)
    return True


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
    temporary = staging / f"{path.name}.{os.getpid()}"
    temporary.mkdir(parents=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        for name, text in files.items():
            (temporary / name).write_text(text, encoding="utf-8", newline="\n")
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return True


def link_tree(source: Path, target: Path) -> None:
    """Makes `target` a copy of `source` by hard links, or by copies where the file system has none."""
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copytree(source, target, copy_function=os.link)
    except (OSError, shutil.Error):
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
