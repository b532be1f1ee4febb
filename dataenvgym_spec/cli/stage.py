"""`dataenvgym stage`: what every `cmd` in a `dvc.yaml` calls. Not for people."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.hashing import STEADY
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.store.layout import Layout, find_root
from dataenvgym_spec.store.locks import die_with_parent

if TYPE_CHECKING:
    from dataenvgym_spec.execute.run import Published

MOST_TRACKED: Final = 4
"""A stage of a sweep under plain DVC can be in hundreds of experiments; their reports track."""


def run(*arguments: str) -> int:
    """Runs the stage that the working directory is, or makes the report of an experiment.

    Args:
        arguments: the experiment, or nothing.

    Returns:
        The exit code.

    Raises:
        UserError: DVC would not call it so.
    """
    if len(arguments) > 1 or "".join(arguments).startswith("-"):
        raise UserError("this command is for DVC", help="run: dvc repro NAME")
    # When DVC is killed, its stage must not go on and hold the lock against the next run.
    die_with_parent()
    ask_nobody()
    layout = Layout(root=root())
    if arguments:
        from dataenvgym_spec.execute.entry import entry

        entry(layout, *arguments)
        return 0
    return _run(layout)


def ask_nobody() -> None:
    """Takes the terminal from what a stage loads: a library that asks is answered by an error."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def root() -> Path:
    """The repository: DVC names it to the commands that it runs."""
    if "DVC_ROOT" in os.environ:
        return Path(os.environ["DVC_ROOT"])
    return find_root()


def _run(layout: Layout) -> int:
    """Runs the stage of the working directory, in a warm worker if one serves it."""
    from dataenvgym_spec.execute.content import read_stage, stage_of
    from dataenvgym_spec.execute.warm.client import delegate

    directory = stage_of(Path.cwd(), layout)
    # The name is written out: most runs have no limits and should not wait for the guard's imports.
    if "DATAENVGYM_LIMITS" in os.environ:
        from dataenvgym_spec.questions.cost.guard import guard

        guard(layout, os.environ)
    code = delegate(layout, read_stage(layout, directory), directory)
    # No worker serves a tracked kind, so a delegated stage needs no update of tracking.
    if code is not None:
        return code
    be_steady()
    # What runs a stage takes longer to import than all that a worker's client does.
    from dataenvgym_spec.execute.run import run_stage

    _track(layout, run_stage(layout, directory))
    return 0


def be_steady() -> None:
    """Starts this process again if sets have an order of their own in it, which results show."""
    if not os.environ.items() >= STEADY.items():
        os.execve(sys.executable, sys.orig_argv, {**os.environ, **STEADY})


def _track(layout: Layout, finished: Published) -> None:
    """Brings tracking up to date in the background at the stages that complete an iteration."""
    if not KINDS[finished.kind].tracked or len(finished.experiments) > MOST_TRACKED:
        return
    from dataenvgym_spec.track.background import start_in_background

    for experiment in finished.experiments:
        start_in_background(layout, experiment)
