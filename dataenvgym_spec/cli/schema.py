"""`dataenvgym schema`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

import click

from dataenvgym_spec.cli.common import layout_here
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.language.components import built_in, definition
from dataenvgym_spec.language.declared import Definition
from dataenvgym_spec.language.reference import reference
from dataenvgym_spec.language.schema import schema_text
from dataenvgym_spec.setup.hardware import schema as hardware
from dataenvgym_spec.store import atomic

ENVIRONMENTS: Final = "schemas/environments"
"""The folder with a file for each built-in environment."""


@click.command("schema")
@click.option(
    "--write",
    "write",
    is_flag=True,
    help="Refresh schemas/experiment.schema.json and schemas/hardware.schema.json, and "
    "docs/language.md and the folder schemas/environments where they are, instead of printing.",
)
@click.option(
    "--reference",
    "as_text",
    is_flag=True,
    help="Print the language reference (Markdown) instead of the schema.",
)
@click.option(
    "--environment",
    metavar="KIND",
    help="Print the JSON Schemas (2020-12) of an environment's states, actions and requests.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON (the default).")
def command(write: bool, as_text: bool, environment: str | None, as_json: bool) -> None:
    """Print the JSON Schema (draft-07) of the spec language, for editors and other tools, its
    reference, for people, or the schemas of an environment, for policies in another language.

    They know the components of the packages that are installed.

    \b
    Example:
      dataenvgym schema --write
      dataenvgym schema --reference
      dataenvgym schema --environment skill-tree
    """
    _refuse_two_wishes(write, as_text, environment, as_json)
    if write:
        _write(layout_here().root)
    elif environment is not None:
        click.echo(_environment(definition("environment", environment)), nl=False)
    else:
        click.echo(reference() if as_text else schema_text(), nl=False)


def _refuse_two_wishes(write: bool, as_text: bool, environment: str | None, as_json: bool) -> None:
    if as_text and as_json:
        help = "leave '--reference' out: the schema is the reference for programs"
        raise UserError("the reference is Markdown, not JSON", help=help)
    if environment is not None and (write or as_text):
        other = "--write" if write else "--reference"
        message = f"'--environment' and '{other}' are two wishes"
        raise UserError(message, help="run the command once for each")


def _write(root: Path) -> None:
    texts = {
        "schemas/experiment.schema.json": schema_text,
        hardware.PUBLISHED: hardware.schema_text,
    }
    if (root / "docs" / "language.md").is_file():
        texts["docs/language.md"] = reference
    if (root / ENVIRONMENTS).is_dir():
        # Those of packages are left out: it would run them to write what their own folders hold.
        for kind, item in built_in()["environment"].items():
            texts[f"{ENVIRONMENTS}/{kind}.schema.json"] = partial(_environment, item)
    for name, text in texts.items():
        changed = atomic.write(root / name, text())
        state = "written" if changed else "is up to date"
        click.echo(f"{name} {state}")


def _environment(item: Definition) -> str:
    # Imported late: the class of the environment is.
    from dataenvgym_spec.gym.environments import schemas

    return schemas.schema_text(schemas.environment_schema(item))
