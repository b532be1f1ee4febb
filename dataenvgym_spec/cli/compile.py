"""`dataenvgym compile`."""

from __future__ import annotations

from typing import Any, Final

import click

from dataenvgym_spec.cli.common import Project, as_json, load_project, plural, print_json, setting
from dataenvgym_spec.compile.compiler import Compiled
from dataenvgym_spec.core.making import making
from dataenvgym_spec.emit.entry import home
from dataenvgym_spec.emit.write import drift, write

MOST_NAMES: Final = 8
"""More experiments than these are counted and not named."""


@click.command("compile")
@click.argument("specs", nargs=-1)
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing; fail if the files on disk are not what the specs say.",
)
@setting
@as_json
def command(specs: tuple[str, ...], check: bool, sets: tuple[str, ...], as_json: bool) -> int:
    """Compile specs (default: every specs/*.yaml) into dvc.yaml, experiments/ and store/.

    \b
    Example:
      dataenvgym compile
      dvc repro quickstart
    """
    project = load_project(specs, sets=sets)
    if check:
        return _check(project, as_json=as_json)
    written = write(project.compiled.graph, project.layout, everything=project.everything)
    changed = [path.relative_to(project.layout.root).as_posix() for path in written]
    if as_json:
        print_json(_record(project.compiled, changed))
    else:
        _print(project, changed)
    return 0


def _check(project: Project, *, as_json: bool) -> int:
    """Says which files differ from what the specs say."""
    drifts = drift(project.compiled.graph, project.layout, everything=project.everything)
    if as_json:
        print_json({"drift": [{"path": item.path, "reason": item.reason} for item in drifts]})
        return 2 if drifts else 0
    for item in drifts:
        click.echo(f"{item.path}: {item.reason}")
    click.echo("run: dataenvgym compile" if drifts else "up to date")
    return 2 if drifts else 0


def _record(compiled: Compiled, changed: list[str]) -> dict[str, Any]:
    return {
        "experiments": [item.name for item in compiled.graph.entries],
        "stages": len(compiled.graph.stages),
        "before_sharing": compiled.unshared,
        "changed": changed,
    }


def _print(project: Project, changed: list[str]) -> None:
    compiled = project.compiled
    entries = compiled.graph.entries
    names = ", ".join(item.name for item in entries)
    if len(entries) > MOST_NAMES:
        names = plural(len(entries), "experiment")
    stages = f"{plural(len(compiled.graph.stages), 'stage')} ({compiled.unshared} before sharing)"
    click.echo(f"{names}: {stages}, {plural(len(changed), 'file')} or directories changed")
    first = entries[0]
    click.echo(f"next: {making(project.layout.root, first.name, sweep=bool(home(first)))}")
