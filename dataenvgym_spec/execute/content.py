"""What a `stage.json` says: all that the process that DVC starts needs to find a worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.core.hashing import SHORT, digest
from dataenvgym_spec.core.making import making
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.records.files import read_json
from dataenvgym_spec.store.layout import Layout


def stage_of(folder: Path, layout: Layout) -> str:
    """The stage directory that a working directory is.

    Raises:
        UserError: it is none.
    """
    if folder.parent != layout.store or not (folder / "stage.json").exists():
        raise UserError(
            f"'{folder}' is no stage directory",
            help=f"this command is run by DVC; run: {making(layout.root, 'NAME')}",
        )
    return folder.name


def read_stage(layout: Layout, directory: str) -> dict[str, Any]:
    """Reads and verifies `stage.json`.

    Raises:
        StageError: it is missing, damaged, or its content does not give its key.
    """
    path = layout.stage(directory) / "stage.json"
    try:
        content: dict[str, Any] = read_json(path)
        identity = {name: content[name] for name in ("kind", "semantics", "params", "inputs")}
        whole = content["key"] == digest("stage", identity)
        named = {content["key"]: directory, **content["reads"]}
        whole = whole and all(name.endswith(f"-{key[:SHORT]}") for key, name in named.items())
    except (StageError, ValueError, KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        message = f"'{path.relative_to(layout.root)}' is damaged: it does not give its key"
        raise StageError(message, help="run: dataenvgym compile")
    kind = content["kind"]
    declared = KINDS[kind].semantics if kind in KINDS else None
    if content["semantics"] != declared:
        message = (
            f"'{directory}' was compiled for version {content['semantics']} of '{kind}', "
            f"but version {declared} is installed"
        )
        raise StageError(message, help="run: dataenvgym compile")
    return content
