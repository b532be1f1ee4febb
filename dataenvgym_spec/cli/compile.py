"""`dataenvgym compile`."""

from __future__ import annotations

import click

from dataenvgym_spec.cli.common import as_json, load_project, plural, print_json, setting
from dataenvgym_spec.emit.entry import home
from dataenvgym_spec.emit.write import drift, write


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
    graph, layout = project.compiled.graph, project.layout
    if check:
        found = drift(project.compiled.graph, layout, everything=project.everything)
        if as_json:
            print_json({"drift": [{"path": item.path, "reason": item.reason} for item in found]})
        else:
            for item in found:
                click.echo(f"{item.path}: {item.reason}")
            click.echo("run: dataenvgym compile" if found else "up to date")
        return 2 if found else 0
    changed = [
        path.relative_to(layout.root).as_posix()
        for path in write(project.compiled.graph, layout, everything=project.everything)
    ]
    names = [item.name for item in graph.entries]
    if as_json:
        print_json(
            {
                "experiments": names,
                "stages": len(graph.stages),
                "before_sharing": project.compiled.unshared,
                "changed": changed,
            }
        )
    else:
        shared = f"{project.compiled.unshared} before sharing"
        shown = ", ".join(names) if len(names) <= 8 else plural(len(names), "experiment")
        click.echo(
            f"{shown}: {plural(len(graph.stages), 'stage')} ({shared}), {plural(len(changed), 'file')} or directories changed"
        )
        click.echo(
            f"next: dataenvgym run {names[0]}"
            if home(graph.entries[0])
            else f"next: dvc repro {names[0]}"
        )
    return 0
