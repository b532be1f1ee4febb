"""`dataenvgym stage`: what every `cmd` in a `dvc.yaml` calls. Not for people."""

from __future__ import annotations

import os
from pathlib import Path

import click

from dataenvgym_spec.store.layout import Layout, find_root
from dataenvgym_spec.store.locks import die_with_parent


@click.command("stage", hidden=True)
@click.argument("experiment", required=False)
def command(experiment: str | None) -> None:
    """Run the stage whose directory is the working directory, or make the report of an experiment."""
    die_with_parent()
    layout = Layout(root=Path(os.environ["DVC_ROOT"]) if "DVC_ROOT" in os.environ else find_root())
    if experiment:
        from dataenvgym_spec.stages.entry import entry

        entry(layout, experiment)
        return
    from dataenvgym_spec.stages.run import run_stage, stage_of

    run_stage(layout, stage_of(Path.cwd(), layout))
