"""`dataenvgym verify`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import click

from dataenvgym_spec.cli.common import as_json, layout_here, plural, print_json
from dataenvgym_spec.core.errors import UserError, visible
from dataenvgym_spec.core.making import making
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.setup.hardware.leases import clone_leases
from dataenvgym_spec.store.dvc.intact import Altered, altered, remove
from dataenvgym_spec.store.gc import nobody_at_work
from dataenvgym_spec.store.indexes import compiled
from dataenvgym_spec.store.layout import Layout


@click.command("verify")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--fix", is_flag=True, help="Remove what is wrong, so that DVC makes or brings it.")
@as_json
def command(names: tuple[str, ...], fix: bool, as_json: bool) -> int:
    """Read the results of experiments (default: of all compiled ones), in the workspace and in
    DVC's cache, and say which are not what their locks say. Exit code 1 if one is not and stays.

    DVC does not read again what it has checked once. So it passes on an object of its cache that
    was damaged or exchanged later, or on a remote.

    \b
    Example:
      dataenvgym verify
      dataenvgym verify quickstart --fix
    """
    layout = layout_here()
    chosen = list(dict.fromkeys(names)) or compiled(layout)
    if not chosen:
        raise UserError("nothing is compiled here", help="run: dataenvgym compile")
    stages = dict.fromkeys(
        stage.path.name for name in chosen for stage in load(name, layout.root).stages
    )
    if fix:
        with nobody_at_work(layout, clone_leases(layout, os.environ)):
            found = list(altered(layout, [*stages]))
            for one in found:
                remove(one)
    else:
        found = list(altered(layout, [*stages]))
    if as_json:
        print_json({"experiments": chosen, "altered": [_record(layout, one) for one in found]})
    else:
        _print(layout, found, count=len(stages), fix=fix)
    return int(bool(found) and not fix)


def _print(layout: Layout, found: Sequence[Altered], *, count: int, fix: bool) -> None:
    for one in found:
        click.echo(visible(f"{_name(layout, one)} {one.what}"))
    if not found:
        click.echo(f"{plural(count, 'stage')}: all that is here is what the locks say")
        return
    remedy = making(layout.root, "NAME") if fix else "dataenvgym verify --fix, which removes it"
    click.echo(f"{plural(len(found), 'thing')} {'removed' if fix else 'found'}; run: {remedy}")


def _name(layout: Layout, one: Altered) -> str:
    """A path as a user would write it: below the repository, or in a cache elsewhere."""
    inside = one.path.is_relative_to(layout.root)
    return str(one.path.relative_to(layout.root) if inside else one.path)


def _record(layout: Layout, one: Altered) -> dict[str, Any]:
    return {"path": _name(layout, one), "what": one.what}
