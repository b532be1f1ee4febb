"""Whether a disk is full: many programs fail of it with words of which nobody thinks that."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import FREE_SOME
from dataenvgym_spec.core.text import size_text

TIGHT: Final = 1 << 20
"""Free bytes below which a disk is as good as full."""


def full_text(folders: Iterable[Path]) -> str:
    """What to say of the first of these folders whose disk is full; empty if none is."""
    for folder in folders:
        try:
            if shutil.disk_usage(folder).free < TIGHT:
                return f"the disk is full: {space_text(folder)}; {FREE_SOME}"
        except OSError:
            continue
    return ""


def with_full_disk(complaint: str) -> str:
    """A complaint, and that the disk is full if it is: a library without room says all but that."""
    note = full_text((Path(), Path(tempfile.gettempdir())))
    return f"{complaint}\n  = note: {note}" if note and "is full" not in complaint else complaint


def space_text(folder: Path) -> str:
    """What is left on the disk of a folder, in words."""
    try:
        return f"{size_text(shutil.disk_usage(folder).free)} are free at '{folder}'"
    except OSError:
        return f"'{folder}' cannot be looked at"
