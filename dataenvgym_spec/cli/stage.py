"""`dataenvgym stage`: what every `cmd` in a `dvc.yaml` calls. Not for people."""

from __future__ import annotations

import os
from pathlib import Path

import click

from dataenvgym_spec.store.layout import Layout, find_root
from dataenvgym_spec.store.locks import die_with_parent


@click.command("stage", hidden=True)
@click.argument("experiment", required=False)
def command(experiment: str | None) -> int:
    """Run the stage whose directory is the working directory, or make the report of an experiment."""
    die_with_parent()
    layout = Layout(root=Path(os.environ["DVC_ROOT"]) if "DVC_ROOT" in os.environ else find_root())
    if experiment:
        from dataenvgym_spec.execute.entry import entry

        entry(layout, experiment)
        return 0
    from dataenvgym_spec.execute.run import read_stage, run_stage, stage_of
    from dataenvgym_spec.execute.warm.worker import delegate

    directory = stage_of(Path.cwd(), layout)
    if "DATAENVGYM_LIMITS" in os.environ:
        from dataenvgym_spec.questions.cost.guard import guard

        guard(layout, os.environ)
    code = delegate(layout, read_stage(layout, directory), directory)
    if code is None:
        run_stage(layout, directory)
        return 0
    return code
