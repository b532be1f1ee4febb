"""`dataenvgym open`."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

import click

from dataenvgym_spec.cli.bundle import summary
from dataenvgym_spec.cli.common import as_json, plural, print_json
from dataenvgym_spec.cli.opening import Opened, look, open_bundle, release
from dataenvgym_spec.core.errors import SpecError, visible


@click.command("open")
@click.argument("bundle", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--into",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="A new or empty folder, or a repository (default: a new one with the study's name).",
)
@click.option("--check", is_flag=True, help="Only say what is in it; write nothing.")
@as_json
def command(bundle: Path, folder: Path | None, check: bool, as_json: bool) -> int:
    """Open a study that `dataenvgym bundle` wrote, in a new repository or an existing one.

    It is verified before anything is written, and nothing of it is executed. An existing
    repository keeps what it has: a bundle that differs from that is refused. No network is used.

    \b
    Example:
      dataenvgym open quickstart.bundle.tar.gz --into their-study
    """
    manifest = look(bundle)
    if check:
        if as_json:
            print_json(manifest.plain())
            return 0
        click.echo(f"'{bundle}' holds '{manifest.name}', made by {_maker(manifest.versions)}")
        for line in summary(manifest):
            click.echo(visible(line))
        return 0
    opened = open_bundle(bundle, manifest, folder or Path(manifest.name))
    if as_json:
        print_json(_record(opened))
    else:
        _print(opened)
    return 2 if opened.fitting is None else 0


def _maker(versions: dict[str, str]) -> str:
    return visible(f"dataenvgym-spec {versions.get('dataenvgym-spec', 'of no release')}")


def _print(opened: Opened) -> None:
    manifest = opened.manifest
    click.echo(f"opened '{manifest.name}' in '{opened.root}', made by {_maker(manifest.versions)}")
    for line in (*summary(manifest), *_keys(opened), *_code(opened)):
        click.echo(visible(line))
    if opened.problem is not None:
        _complain(opened)
        return
    click.echo("next:")
    for line in _next(opened):
        click.echo(f"  {line}")


def _keys(opened: Opened) -> list[str]:
    """Whether the spec has the same keys here."""
    fitting, manifest = opened.fitting, opened.manifest
    if fitting is None:
        return []
    if not fitting.other:
        lines = [f"same keys: all {plural(len(manifest.stages), 'stage')}"]
    else:
        count = f"{len(fitting.other)} of {plural(len(manifest.stages), 'stage')}"
        lines = [
            f"other keys: {count} have other keys with dataenvgym-spec {release()}, which is "
            f"installed; to have their results, install {_maker(manifest.versions)}"
        ]
    if fitting.unfit:
        lines.append(
            f"results of {plural(len(fitting.unfit), 'stage')} are of another release, and left out"
        )
    return lines


def _code(opened: Opened) -> list[str]:
    """What of it could be executed, none of which was."""
    if not opened.code:
        return []
    listed = ", ".join(opened.code[:8]) + (", ..." if len(opened.code) > 8 else "")
    return [f"code in it, which nothing has executed; read it before you do: {listed}"]


def _complain(opened: Opened) -> None:
    """Says why its spec cannot be compiled here, and what to do."""
    click.echo("its spec cannot be compiled here, so its results are not in place yet:", err=True)
    problem = opened.problem
    if isinstance(problem, SpecError):
        click.echo(str(problem), err=True)
    elif problem is not None:
        click.echo(f"error: {visible(problem.message)}", err=True)
        click.echo(f"  = help: {visible(problem.help)}", err=True)
    into = shlex.quote(str(opened.root))
    click.echo(f"mend that, and open it once more: dataenvgym open ... --into {into}", err=True)


def _next(opened: Opened) -> list[str]:
    """The commands that come next."""
    name, lines = opened.manifest.name, []
    away = os.path.relpath(opened.root)
    if away != ".":
        lines.append(f"cd {shlex.quote(away)}")
    if opened.responses is not None:
        held = opened.responses.relative_to(opened.root).as_posix()
        lines.append(f"dataenvgym journal import {held}   # then --replay asks no teacher")
    for experiment, count in opened.to_run.items():
        lines += _of_experiment(experiment, count, opened)
    if not opened.to_run:
        lines.append(f"dataenvgym plan {name}")
    return lines


def _of_experiment(name: str, count: int, opened: Opened) -> list[str]:
    """What can be done with one experiment: the cheapest first."""
    if not count:
        program = "dataenvgym run" if opened.sweep else "dvc repro"
        makes = "runs no stage, and makes the report"
        return [f"{program} {name}   # {makes}", f"dataenvgym report {name}"]
    lines = []
    if opened.lacks_students_alone(name):
        # The report reads no student.
        target = f"experiments/{name}/dvc.yaml:{name}" if opened.sweep else name
        lines += ["dvc checkout --allow-missing", f"dvc repro --single-item {target}"]
        lines.append(f"dataenvgym report {name}")
    replay = " --replay" if opened.responses is not None else ""
    lines.append(f"dataenvgym run {name}{replay}   # {plural(count, 'stage')} to run")
    return lines


def _record(opened: Opened) -> dict[str, Any]:
    fitting, manifest = opened.fitting, opened.manifest
    return {
        "root": str(opened.root),
        "name": manifest.name,
        "compiled": fitting is not None,
        "same_keys": fitting is not None and not fitting.other,
        "results": len(fitting.stages) if fitting is not None else 0,
        "to_run": opened.to_run,
        "missing": manifest.missing(),
        "withheld": len(manifest.withheld),
        "responses": str(opened.responses) if opened.responses is not None else None,
        "code": opened.code,
        "absent": [row.plain() for row in manifest.absent],
    }
