"""A new repository that runs: git, DVC and one spec. Completes what lacks and overwrites nothing; text is made in `cli`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.language.schema import schema_text
from dataenvgym_spec.setup.doctor import repair
from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.layout import Layout, find_root

NAME: Final = "first"
SPEC: Final = {"specs/first.yaml": "first.yaml", "specs/prompts/first.j2": "first.j2"}
"""The spec that a new repository begins with, and the packaged file that each part is."""
SCHEMA: Final = "schemas/experiment.schema.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that was done, or was there already."""

    what: str
    state: Literal["made", "kept"]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaffold:
    """A repository and what was done to it.

    Attributes:
        root: where it lies.
        steps: what was done, in order.
        spec: the name of a spec to begin with.
    """

    root: Path
    steps: tuple[Step, ...]
    spec: str


def scaffold(folder: Path) -> Scaffold:
    """Makes a folder a repository that runs, or completes the repository that it lies in.

    Raises:
        UserError: it is a file, or it cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied", str(folder))
        done = [Step(what=text, state="made") for text in repair(folder)]
        layout = Layout(root=find_root(folder))
        return Scaffold(root=layout.root, steps=(*done, *_files(layout)), spec=_first(layout))
    except FileExistsError as error:
        raise UserError(
            f"'{error.filename}' is a file", help="name a folder, new or not: dataenvgym init DIR"
        ) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(
            f"'{error.filename or folder}' cannot be written: {reason}",
            help="name a folder that you may write to: dataenvgym init DIR",
        ) from error


def _files(layout: Layout) -> list[Step]:
    """Writes the schema and, where there is no spec, one."""
    steps = [
        _write(
            layout,
            SCHEMA,
            schema_text(),
            "another version; refresh it with: dataenvgym schema --write",
        )
    ]
    others = [path for path in layout.specs() if path.name != f"{NAME}.yaml"]
    if others and not (layout.root / "specs" / f"{NAME}.yaml").exists():
        return [
            *steps,
            Step(what="specs/", state="kept", reason=f"has {others[0].name}; no spec was added"),
        ]
    templates = files("dataenvgym_spec.setup") / "template"
    return steps + [
        _write(
            layout, path, (templates / name).read_text(encoding="utf-8"), "has content of its own"
        )
        for path, name in SPEC.items()
    ]


def _write(layout: Layout, name: str, text: str, reason: str) -> Step:
    path = layout.root / name
    if path.exists() or path.is_symlink():
        same = path.is_file() and path.read_bytes() == text.encode()
        return Step(what=name, state="kept", reason="" if same else reason)
    atomic.write(path, text)
    return Step(what=name, state="made")


def _first(layout: Layout) -> str:
    """The spec to begin with: the packaged one, unless there are only others."""
    names = [path.stem for path in layout.specs()]
    return NAME if NAME in names or not names else names[0]
