"""`dataenvgym run`."""

from __future__ import annotations

import subprocess

import click

from dataenvgym_spec.cli.common import layout_here, load_project
from dataenvgym_spec.cli.guard import admit
from dataenvgym_spec.emit.write import write
from dataenvgym_spec.errors import StageError, UserError
from dataenvgym_spec.programs import dvc, environment
from dataenvgym_spec.stages.guard import guard
from dataenvgym_spec.store.locks import held


@click.command("run")
@click.argument("name")
@click.option("--pull", is_flag=True, help="Let DVC fetch from its remote what colleagues have made already.")
@click.option("--ignore-limits", is_flag=True, help="Run whatever it costs.")
def command(name: str, pull: bool, ignore_limits: bool) -> int:
    """Compile an experiment and reproduce it with DVC. What is done already is not done again.

    If the spec has `limits`, it does not start what cannot fit into them, and pauses once they are passed (exit code 3).

    \b
    Example:
      dataenvgym run quickstart
    """
    layout = layout_here()
    with held(layout.lock("run")) as got:
        if not got:
            raise UserError(
                "another 'dataenvgym run' is at work in this repository",
                help="wait for it, or look at it with: dataenvgym status   (a clone of the repository can run beside it)",
            )
        project = load_project((name,))
        write(project.compiled, layout, everything=False)
        item = project.compiled.graph.entries[0]
        experiment = item.name
        limits = {} if ignore_limits else admit(project, item, pull=pull)
        code = subprocess.call([dvc(), "repro", experiment, *(["--pull"] if pull else [])], cwd=layout.root, env={**environment(), **limits})
    if code:
        guard(layout, limits)
        raise StageError(f"'{experiment}' did not finish", help="the reason is above; the same command goes on from what is done")
    return 0
