"""`dataenvgym show`."""

from __future__ import annotations

import click

from dataenvgym_spec.cli.common import as_json, find_spec, layout_here, print_json
from dataenvgym_spec.compiler import front_end
from dataenvgym_spec.emit.stages import dump
from dataenvgym_spec.errors import UserError, suggest
from dataenvgym_spec.source import Json


@click.command("show")
@click.argument("spec")
@click.option("--arm", help="Print only this arm.")
@as_json
def command(spec: str, arm: str | None, as_json: bool) -> None:
    """Print a spec as each arm of it is after merging.

    \b
    Example:
      dataenvgym show quickstart --arm no-state
    """
    layout = layout_here()
    (resolved,) = front_end([find_spec(spec, layout)], root=layout.root)
    arms: dict[str, Json] = {item.name: item.node.plain() for item in resolved.arms}
    if arm is not None and arm not in arms:
        raise UserError(f"there is no arm '{arm}'", help=suggest(arm, arms))
    content: Json = arms[arm] if arm is not None else {"arms": arms}
    if as_json:
        print_json(content)
    else:
        click.echo(dump(content), nl=False)
