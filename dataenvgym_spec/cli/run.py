"""`dataenvgym run`."""

from __future__ import annotations

import subprocess

import click

from dataenvgym_spec.cli.common import layout_here, load_project, setting
from dataenvgym_spec.emit.entry import target
from dataenvgym_spec.emit.write import write
from dataenvgym_spec.errors import StageError, UserError
from dataenvgym_spec.programs import dvc, environment
from dataenvgym_spec.store.locks import held


@click.command("run")
@click.argument("name")
@click.option("--pull", is_flag=True, help="Let DVC fetch from its remote what colleagues have made already.")
@setting
def command(name: str, pull: bool, sets: tuple[str, ...]) -> int:
    """Compile an experiment and reproduce it with DVC. What is done already is not done again.

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
        project = load_project((name,), sets=sets)
        write(project.compiled, layout, everything=False)
        entry = project.compiled.graph.entries[0]
        code = subprocess.call([dvc(), "repro", target(entry), *(["--pull"] if pull else [])], cwd=layout.root, env=environment())
    if code:
        raise StageError(f"'{name}' did not finish", help="the reason is above; the same command goes on from what is done")
    return 0
