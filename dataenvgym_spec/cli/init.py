"""`dataenvgym init`."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from dataenvgym_spec.cli.common import as_json, print_json
from dataenvgym_spec.setup.scaffold import scaffold


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@as_json
def command(folder: Path, as_json: bool) -> None:
    """Make a new repository that runs (git, DVC, one small spec), or complete the one that DIR lies in. Overwrites nothing.

    \b
    Example:
      dataenvgym init my-study
    """
    made = scaffold(folder)
    if as_json:
        steps = [
            {"what": step.what, "state": step.state, "reason": step.reason} for step in made.steps
        ]
        print_json({"root": str(made.root), "spec": made.spec, "steps": steps})
        return
    if made.root != folder.resolve():
        click.echo(f"'{folder}' lies in the repository '{made.root}', which is completed")
    for step in made.steps:
        click.echo(f"{step.state}: {step.what}" + (f" ({step.reason})" if step.reason else ""))
    if all(step.state == "kept" for step in made.steps):
        click.echo("nothing lacked")
    away = os.path.relpath(made.root)
    click.echo("next:")
    for line in [
        *([f"cd {shlex.quote(away)}"] if away != "." else []),
        "dataenvgym validate",
        "dataenvgym compile",
        f"dataenvgym run {made.spec}",
    ]:
        click.echo(f"  {line}")
