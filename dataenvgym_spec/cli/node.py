"""`dataenvgym node`: what a cluster calls on its machines. Not for people."""

from __future__ import annotations

from pathlib import Path

import click

from dataenvgym_spec.store.locks import die_with_parent


@click.command("node")
@click.argument(
    "path", metavar="PARCEL", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--parent", type=int, help="The process without which this one ends.")
def command(path: Path, parent: int | None) -> int:
    """Do the stage that a file describes, and write what came of it beside that.

    \b
    Example:
      dataenvgym node train-3f9c2a71b04de615.parcel
    """
    from dataenvgym_spec.schedule.parcels.node import main

    if parent is not None:
        die_with_parent(parent)
    return main(path)
