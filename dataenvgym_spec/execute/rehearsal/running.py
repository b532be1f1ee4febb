"""Runs the stages of a rehearsal one after the other, in this process; a failure stops no other."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.roots import VARIABLE as ROOTS
from dataenvgym_spec.core.roots import roots
from dataenvgym_spec.core.running import VARIABLE as RUN
from dataenvgym_spec.core.variables import JOURNAL, REPLAY, SERVED
from dataenvgym_spec.execute.run import run_stage
from dataenvgym_spec.execute.warm.serving import trainer
from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.gym.sandboxes.shared import JUDGES, sharing
from dataenvgym_spec.store.layout import Layout

LIMITS: Final = "DATAENVGYM_LIMITS"
LOG: Final = "stages.txt"
"""The file of the folder that holds what the stages printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A stage that failed.

    Attributes:
        stage: the stage.
        message: why.
        help: what to do.
    """

    stage: Stage
    message: str
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What became of the stages of a rehearsal."""

    done: tuple[Stage, ...]
    failed: tuple[Failure, ...]
    skipped: tuple[Stage, ...]
    seconds: float


def play(
    graph: Graph,
    layout: Layout,
    *,
    environ: Mapping[str, str],
    say: Callable[[str], None],
) -> Played:
    """Runs stages in their order. What reads a stage that failed is skipped.

    Args:
        graph: what was written to the folder.
        layout: the folder.
        environ: what stages find in the environment besides what is there.
        say: prints a line of progress.
    """
    done: list[Stage] = []
    failed: list[Failure] = []
    skipped: list[Stage] = []
    broken: set[str] = set()
    clock = time.monotonic()
    log = layout.root / LOG
    with _surroundings(layout, environ):
        for number, stage in enumerate(graph.stages, 1):
            if any(read.stage in broken for read in stage.inputs):
                broken.add(stage.id)
                skipped.append(stage)
                continue
            say(f"  {number}/{len(graph.stages)} {stage.uses[0].label()}")
            failure = _run(layout, stage, log)
            if failure is None:
                done.append(stage)
                continue
            broken.add(stage.id)
            failed.append(failure)
    seconds = time.monotonic() - clock
    return Played(done=tuple(done), failed=tuple(failed), skipped=tuple(skipped), seconds=seconds)


def _run(layout: Layout, stage: Stage, log: Path) -> Failure | None:
    """Runs one stage; what it prints goes into a file."""
    with _printing_into(log):
        try:
            run_stage(layout, stage.directory)
        except UserError as error:
            return Failure(stage=stage, message=error.message, help=error.help)
    return None


@contextmanager
def _printing_into(path: Path) -> Iterator[None]:
    """Has what this process and those that it starts print added to a file."""
    sys.stdout.flush()
    kept = os.dup(1)
    with path.open("a", encoding="utf-8", buffering=1) as file:
        os.dup2(file.fileno(), 1)
        try:
            with contextlib.redirect_stdout(file):
                yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)


@contextmanager
def _surroundings(layout: Layout, environ: Mapping[str, str]) -> Iterator[None]:
    """The environment of the stages, a warm worker that trains, and one process that judges."""
    before = dict(os.environ)
    os.environ.update({JOURNAL: str(layout.private / "journal"), **environ})
    # What a run around this one says of itself is not meant for these stages.
    for name in (REPLAY, LIMITS, RUN):
        os.environ.pop(name, None)
    try:
        with contextlib.ExitStack() as stack:
            if JUDGES not in before:
                stack.enter_context(sharing(layout.private / "judges"))
            # Workers serve the commands of this project; this process may be any.
            os.environ.setdefault(SERVED, str(os.getpid()))
            os.environ.update(trainer(layout))
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def rooted(repository: Path) -> Iterator[None]:
    """Has the folders outside that a repository allows be allowed to a rehearsal, too."""
    allowed = roots(repository, os.environ)
    before = os.environ.get(ROOTS)
    os.environ[ROOTS] = os.pathsep.join(f"{name}={path}" for name, path in allowed.items())
    try:
        yield
    finally:
        if before is None:
            del os.environ[ROOTS]
        else:
            os.environ[ROOTS] = before
