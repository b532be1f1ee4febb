"""A new repository that runs: git, DVC and one spec. It overwrites nothing."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal

from dataenvgym_spec.core.errors import REMEDIES, UserError
from dataenvgym_spec.language.schema import schema_text
from dataenvgym_spec.setup.hardware import schema as hardware
from dataenvgym_spec.setup.repair import repair
from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.layout import Layout, find_root

NAME: Final = "first"
SPEC: Final = {"specs/first.yaml": "first.yaml", "specs/prompts/first.j2": "first.j2"}
"""The spec that a new repository begins with, and the packaged file that each part is."""
SCHEMA: Final = "schemas/experiment.schema.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupStep:
    """One thing that was done, or existed already."""

    what: str
    state: Literal["made", "kept"]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaffold:
    """A repository and what was done to it.

    Attributes:
        root: where it is.
        steps: what was done, in order.
        spec: the name of a spec to begin with.
    """

    root: Path
    steps: tuple[SetupStep, ...]
    spec: str


def scaffold(folder: Path, *, with_spec: bool = True) -> Scaffold:
    """Makes a folder a repository that runs, or completes the repository that holds it.

    Args:
        folder: the folder.
        with_spec: whether one that has no spec gets one.

    Raises:
        UserError: it is a file, or it cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied", str(folder))
        done = [SetupStep(what=text, state="made") for text in repair(folder, subdir=True)]
        layout = Layout(root=find_root(folder))
        return Scaffold(
            root=layout.root,
            steps=(*done, *_files(layout, with_spec=with_spec)),
            spec=_first(layout),
        )
    except FileExistsError as error:
        help = "name a folder, new or not: dataenvgym init DIR"
        raise UserError(f"'{error.filename}' is a file", help=help) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        message = f"'{error.filename or folder}' cannot be written: {reason}"
        help = "name a folder that you may write to: dataenvgym init DIR"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            help = REMEDIES[error.errno]
        raise UserError(message, help=help) from error


def _files(layout: Layout, *, with_spec: bool) -> list[SetupStep]:
    """Writes the schemas and, where there is no spec, one."""
    older = "another version; refresh it with: dataenvgym schema --write"
    schemas = [
        _write(layout, SCHEMA, schema_text(), older),
        _write(layout, hardware.PUBLISHED, hardware.schema_text(), older),
    ]
    return [*schemas, *(_spec(layout) if with_spec else ())]


def _spec(layout: Layout) -> list[SetupStep]:
    """Writes the packaged spec, unless the repository has others."""
    others = [path for path in layout.specs() if path.name != f"{NAME}.yaml"]
    if others and not (layout.root / "specs" / f"{NAME}.yaml").exists():
        reason = f"has {others[0].name}; no spec was added"
        return [SetupStep(what="specs/", state="kept", reason=reason)]
    templates = files("dataenvgym_spec.setup") / "template"
    steps = []
    for path, name in SPEC.items():
        text = (templates / name).read_text(encoding="utf-8")
        steps.append(_write(layout, path, text, "has content of its own"))
    return steps


def _write(layout: Layout, name: str, text: str, reason: str) -> SetupStep:
    """Writes a file unless something is there; the reason is given if that is something else."""
    path = layout.root / name
    if path.exists() or path.is_symlink():
        same = path.is_file() and path.read_bytes() == text.encode()
        return SetupStep(what=name, state="kept", reason="" if same else reason)
    atomic.write(path, text)
    return SetupStep(what=name, state="made")


def _first(layout: Layout) -> str:
    """The spec to begin with: the packaged one, unless there are only others."""
    names = [path.stem for path in layout.specs()]
    if not names or NAME in names:
        return NAME
    return names[0]
