"""`dataenvgym graph`."""

from __future__ import annotations

import click

from dataenvgym_spec.cli.common import load_project, print_json, setting
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.emit.graph import as_dot, as_mermaid, as_records


@click.command("graph")
@click.argument("spec")
@click.option(
    "--format",
    "form",
    type=click.Choice(["mermaid", "dot", "json"]),
    default="mermaid",
    help="How to print it.",
)
@setting
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def command(spec: str, form: str, sets: tuple[str, ...], as_json: bool) -> None:
    """Print the compiled pipeline of an experiment.

    \b
    Example:
      dataenvgym graph quickstart --format mermaid
    """
    graph = load_project((spec,), sets=sets).compiled.graph
    entry, *others = graph.entries
    if others:
        message = f"'{spec}' is a sweep of {len(others) + 1} experiments"
        raise UserError(message, help=f"name one of them, such as '{entry.name}'")
    if as_json or form == "json":
        print_json(as_records(entry, graph))
    elif form == "mermaid":
        click.echo(as_mermaid(entry, graph), nl=False)
    else:
        click.echo(as_dot(entry, graph), nl=False)
