"""The components that every domain has, made from a stage's parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.gym.tasks.protocol import Scorer, Source
from dataenvgym_spec.language.components import make


def source(options: dict[str, Any], context: Context) -> Source:
    """A source of items; a file that it names by digest is handed over as a path."""
    path = options.get("path")
    made: Source = make("source", {**options, "path": located(path, context)} if path else options)
    return made


def located(digest: str, context: Context) -> Path:
    """Where the file with a digest lies."""
    return context.files[digest]


def scorer(options: dict[str, Any]) -> Scorer:
    """The task's scorer."""
    made: Scorer = make("scorer", options)
    return made


def student(context: Context) -> dict[str, Path | None]:
    """What a component that is declared to read a student is handed: its directory, and that of the base if it is an adapter."""
    found = context.ports("student")
    base = context.ports("base")
    return {"student": found[0].path, "base": base[0].path if base else None} if found else {}
