"""`dataenvgym schema`."""

from __future__ import annotations

import click

from dataenvgym_spec.cli.common import layout_here
from dataenvgym_spec.schema import schema_text
from dataenvgym_spec.store import atomic


@click.command("schema")
@click.option("--write", "write", is_flag=True, help="Refresh schemas/experiment.schema.json instead of printing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (the default).")
def command(write: bool, as_json: bool) -> None:
    """Print the JSON Schema (draft-07) of the spec language, for editors and other tools.

    \b
    Example:
      dataenvgym schema --write
    """
    if not write:
        click.echo(schema_text(), nl=False)
        return
    path = layout_here().root / "schemas" / "experiment.schema.json"
    changed = atomic.write(path, schema_text())
    click.echo(f"schemas/experiment.schema.json {'written' if changed else 'is up to date'}")
