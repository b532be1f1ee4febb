"""`dataenvgym schema`."""

from __future__ import annotations

import click

from dataenvgym_spec.cli.common import layout_here
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.language.reference import reference
from dataenvgym_spec.language.schema import schema_text
from dataenvgym_spec.store import atomic


@click.command("schema")
@click.option(
    "--write",
    "write",
    is_flag=True,
    help="Refresh schemas/experiment.schema.json, and docs/language.md where there is one, "
    "instead of printing.",
)
@click.option(
    "--reference",
    "as_text",
    is_flag=True,
    help="Print the language reference (Markdown) instead of the schema.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON (the default).")
def command(write: bool, as_text: bool, as_json: bool) -> None:
    """Print the JSON Schema (draft-07) of the spec language, for editors and other tools, or its
    reference, for people.

    Both know the components of the packages that are installed.

    \b
    Example:
      dataenvgym schema --write
      dataenvgym schema --reference
    """
    if as_text and as_json:
        help = "leave '--reference' out: the schema is the reference for programs"
        raise UserError("the reference is Markdown, not JSON", help=help)
    if not write:
        click.echo(reference() if as_text else schema_text(), nl=False)
        return
    root = layout_here().root
    texts = {"schemas/experiment.schema.json": schema_text}
    if (root / "docs" / "language.md").is_file():
        texts["docs/language.md"] = reference
    for name, text in texts.items():
        changed = atomic.write(root / name, text())
        state = "written" if changed else "is up to date"
        click.echo(f"{name} {state}")
