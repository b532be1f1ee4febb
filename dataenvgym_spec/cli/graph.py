"""`dataenvgym graph`."""

from __future__ import annotations

import click

from dataenvgym_spec.cli.common import load_project, print_json
from dataenvgym_spec.emit.graph import as_dot, as_mermaid, as_records


@click.command("graph")
@click.argument("spec")
@click.option("--format", "form", type=click.Choice(["mermaid", "dot", "json"]), default="mermaid", help="How to print it.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def command(spec: str, form: str, as_json: bool) -> None:
    """Print the compiled pipeline of an experiment.

    \b
    Example:
      dataenvgym graph quickstart --format mermaid
    """
    project = load_project((spec,))
    (entry,) = project.compiled.graph.entries
    if as_json or form == "json":
        print_json(as_records(entry, project.compiled.graph))
    else:
        click.echo((as_mermaid if form == "mermaid" else as_dot)(entry, project.compiled.graph), nl=False)
