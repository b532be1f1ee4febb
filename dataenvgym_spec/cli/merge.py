"""`dataenvgym merge`: git's merge driver for the root `dvc.yaml`. Not for people."""

from __future__ import annotations

from pathlib import Path

import click

from dataenvgym_spec.emit.pipeline import merge_files

_FILE = click.Path(path_type=Path)


@click.command("merge", hidden=True)
@click.argument("base", type=_FILE)
@click.argument("ours", type=_FILE)
@click.argument("theirs", type=_FILE)
def command(base: Path, ours: Path, theirs: Path) -> None:
    """Merge two versions of the root `dvc.yaml` into the file of ours."""
    text = merge_files(*(path.read_text(encoding="utf-8") for path in (base, ours, theirs)))
    ours.write_text(text, encoding="utf-8")
    click.echo("dvc.yaml is merged by stage; now run: dataenvgym compile", err=True)
