"""`dataenvgym init`."""

from __future__ import annotations

import os
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from dataenvgym_spec.cli.common import as_json, print_json
from dataenvgym_spec.setup.scaffold import Scaffold, scaffold


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@as_json
def command(folder: Path, as_json: bool) -> None:
    """Make a new repository that runs (git, DVC, one small spec), or complete the DVC repository
    that DIR lies in. In a git repository without DVC, DIR becomes a project of its own. Overwrites
    nothing.

    \b
    Example:
      dataenvgym init my-study
    """
    repository = scaffold(folder)
    if as_json:
        print_json(_record(repository))
        return
    if repository.root != folder.resolve():
        click.echo(f"'{folder}' lies in the repository '{repository.root}', which is completed")
    for step in repository.steps:
        reason = f" ({step.reason})" if step.reason else ""
        click.echo(f"{step.state}: {step.what}{reason}")
    if all(step.state == "kept" for step in repository.steps):
        click.echo("nothing lacked")
    click.echo("next:")
    for line in _next(repository):
        click.echo(f"  {line}")


def _record(repository: Scaffold) -> dict[str, Any]:
    steps = [asdict(step) for step in repository.steps]
    return {"root": str(repository.root), "spec": repository.spec, "steps": steps}


def _next(repository: Scaffold) -> list[str]:
    """The commands that come next."""
    commands = ["dataenvgym validate", "dataenvgym compile", f"dataenvgym run {repository.spec}"]
    away = os.path.relpath(repository.root)
    if away != ".":
        commands.insert(0, f"cd {shlex.quote(away)}")
    return commands
