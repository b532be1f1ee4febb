"""Folders outside of the repository that the user of this machine allows specs to name.

They have names, so that one spec works on every machine: `path: models:gemma-2` is `gemma-2` in
the folder that is called `models` here. A spec cannot allow one.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.variables import unfolded

VARIABLE: Final = "DATAENVGYM_ROOTS"
SECTION: Final = "dataenvgym.root."
_NAMED: Final = re.compile(r"([a-z][a-z0-9-]*):(?!//)(?=\S)(.*)", re.DOTALL)
_NAME: Final = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What a text such as `models:gemma-2` names: a path in a named folder."""

    root: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Outside | None:
        """The parts of a text; None if it is an ordinary path.

        >>> Outside.parse("models:gemma-2")
        Outside(root='models', path='gemma-2')
        >>> Outside.parse("models/gemma-2")
        """
        match = _NAMED.fullmatch(text)
        return None if match is None else cls(root=match[1], path=match[2])


def roots(repository: Path, environ: Mapping[str, str]) -> dict[str, Path]:
    """The folders that are allowed here, resolved, by name.

    The environment's come before those of git's configuration of this clone.

    Raises:
        UserError: one is no `name=folder`, or no folder.
    """
    rows = [*_configured(repository), *_from(environ)]
    return {name: _checked(name, folder) for name, folder in dict(rows).items()}


def remedy(root: str) -> str:
    """How a folder is allowed under a name."""
    command = f"git config --local {SECTION}{root} FOLDER"
    return f"allow the folder that holds it: {command}   (or {VARIABLE}={root}=FOLDER)"


def _from(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    rows = []
    for text in filter(None, environ.get(VARIABLE, "").split(os.pathsep)):
        name, mark, folder = text.partition("=")
        if not mark or _NAME.fullmatch(name) is None:
            message = f"'{text}' in {VARIABLE} is no name=folder"
            raise UserError(message, help=f"such as: {VARIABLE}=models=/data/models")
        rows.append((name, folder))
    return rows


def _configured(repository: Path) -> list[tuple[str, str]]:
    """What git's configuration of this clone says; nothing without git."""
    pattern = f"^{re.escape(SECTION)}"
    command = ["git", "config", "--local", "--null", "--get-regexp", pattern]
    try:
        result = subprocess.run(
            command, cwd=repository, capture_output=True, check=False, env={**os.environ}
        )
    except OSError:
        return []
    entries = result.stdout.decode("utf-8", "surrogateescape").split("\0")
    rows = [entry.partition("\n") for entry in entries if entry]
    return [(key.removeprefix(SECTION), folder) for key, _, folder in rows]


def _checked(name: str, folder: str) -> Path:
    path = unfolded(folder)
    if not path.is_absolute() or not path.is_dir():
        what = "is no folder" if path.is_absolute() else "is no absolute path"
        message = f"the folder '{folder}' that is called '{name}' here {what}"
        raise UserError(message, help=f"correct {VARIABLE}, or git config {SECTION}{name}")
    return path.resolve()
