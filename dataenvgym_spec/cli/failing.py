"""What `dataenvgym run` says of an experiment that did not end."""

from __future__ import annotations

from typing import Final

from dataenvgym_spec.cli.common import Project
from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.emit.write import stands

AGAIN: Final = "the same command goes on from what is done"


def unfinished(project: Project, name: str, *, help: str = AGAIN) -> StageError:
    """The error of an experiment with a failure.

    Two people may work in one clone: where one compiles what the other runs, stages fail for that
    alone, and what they print (a file that is missing) would send a reader elsewhere.

    Args:
        project: what the run began with.
        name: of the experiment.
        help: what is said where its own stages failed.
    """
    if stands(project.compiled.graph, name, project.layout):
        return StageError(f"'{name}' did not finish", help=help)
    message = f"'{name}' was compiled anew while it ran, so its stages are others"
    return StageError(message, help="run the same command again: what is done is kept")
