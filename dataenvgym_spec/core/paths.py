"""Asking the file system about any text.

`Path.is_file` and `Path.exists` raise at a text that is too long for a name or no name at all; such
a text names nothing.
"""

from __future__ import annotations

import os
from pathlib import Path


def is_file(text: str | Path) -> bool:
    """Whether a text names a file.

    >>> is_file("x" * 100_000)
    False
    """
    return os.path.isfile(text)  # noqa: PTH113


def exists(text: str | Path) -> bool:
    """Whether a text names anything.

    >>> exists("x" * 100_000)
    False
    """
    return os.path.exists(text)  # noqa: PTH110
