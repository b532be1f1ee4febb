"""`dataenvgym gc`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

import click

from dataenvgym_spec.cli.common import (
    Project,
    as_json,
    layout_here,
    load_project,
    plural,
    print_json,
)
from dataenvgym_spec.core.errors import SpecError, UserError
from dataenvgym_spec.emit.write import drift
from dataenvgym_spec.questions.garbage import garbage, needed
from dataenvgym_spec.store.gc import (
    Leftover,
    measured,
    named_elsewhere,
    nobody_at_work,
    present,
    remove,
)
from dataenvgym_spec.store.git.revisions import reached_at, revisions
from dataenvgym_spec.store.layout import Layout

SHOWN = 3


@click.command("gc")
@click.option(
    "--rev",
    "--keep-rev",
    "names",
    metavar="REV",
    multiple=True,
    help="Keep what the experiments compiled at a git revision need, too. Can be repeated.",
)
@click.option(
    "--all-branches", is_flag=True, help="Keep what any branch needs, remote ones included."
)
@click.option("--all-tags", is_flag=True, help="Keep what any tag needs.")
@click.option("--yes", is_flag=True, help="Remove without asking.")
@as_json
def command(
    names: tuple[str, ...], all_branches: bool, all_tags: bool, yes: bool, as_json: bool
) -> None:
    """Remove the stages, results and scratch that no spec of specs/*.yaml needs, after saying what they are.

    DVC's cache is left alone: `dataenvgym compile` and `dvc repro` bring back what is in it, and `dvc gc` is for the cache itself.

    \b
    Example:
      dataenvgym gc --all-branches --all-tags
      dataenvgym gc --rev paper-v1 --yes
    """
    layout = layout_here()
    with nobody_at_work(layout):
        wanted = _wanted(layout)
        kept = reached_at(
            layout, [*names, *revisions(layout, branches=all_branches, tags=all_tags)]
        )
        reached = (
            wanted
            | named_elsewhere(layout)
            | frozenset(name for found in kept.values() for name in found)
        )
        found = present(layout)
        leftovers = measured(layout, garbage(found, reached))
        count = sum(1 for name in needed(found, reached) if name in found)
        if not as_json:
            _tell(leftovers, count, {name: len(directories) for name, directories in kept.items()})
        sure = bool(leftovers) and (yes or (not as_json and _asked()))
        if sure:
            remove(layout, [item.directory for item in leftovers])
    if as_json:
        rows = [{**asdict(item), "kind": item.kind} for item in leftovers]
        print_json(
            {
                "removed": sure,
                "kept": count,
                "bytes": sum(item.size for item in leftovers),
                "leftovers": rows,
            }
        )
    elif leftovers:
        click.echo(
            _verdict(leftovers)
            if sure
            else "nothing was removed" + ("" if sys.stdin.isatty() else "; run with --yes")
        )


def _wanted(layout: Layout) -> frozenset[str]:
    """The stage directories that the active specs need.

    Raises:
        SpecError: a spec has an error; what it needs is not known.
        UserError: what is compiled is not what the specs say.
    """
    try:
        project: Project = load_project(root=layout.root)
    except SpecError:
        click.echo(
            "nothing was removed, because a spec with errors does not say what it needs:", err=True
        )
        raise
    if changed := drift(project.compiled.graph, layout, everything=True):
        more = f" and {plural(len(changed) - 1, 'other path')}" if len(changed) > 1 else ""
        message = f"nothing was removed, because what is compiled is not what the specs say: '{changed[0].path}'{more}"
        raise UserError(message, help="run: dataenvgym compile, and gc again")
    return frozenset(stage.directory for stage in project.compiled.graph.stages)


def _tell(leftovers: Sequence[Leftover], kept: int, revisions: dict[str, int]) -> None:
    also = "".join(f"; {name} names {count}" for name, count in revisions.items())
    click.echo(f"needed: {plural(kept, 'stage')}{also}")
    if not leftovers:
        click.echo("nothing to remove")
        return
    kinds = ", ".join(
        f"{number} {kind}"
        for kind, number in sorted(Counter(item.kind for item in leftovers).items())
    )
    out, log, scratch = (
        _shown(sum(sizes))
        for sizes in zip(*((item.out, item.log, item.scratch) for item in leftovers), strict=True)
    )
    click.echo(
        f"not needed: {plural(len(leftovers), 'stage')} ({kinds}); out/ {out}, log/ {log}, scratch {scratch}"
    )
    for item in sorted(leftovers, key=lambda item: (-item.size, item.directory))[:SHOWN]:
        click.echo(f"  {_shown(item.size):>9}  store/{item.directory}")
    if len(leftovers) > SHOWN:
        click.echo(f"  {'...':>9}  (all of them: dataenvgym gc --json)")
    if lost := [item for item in leftovers if not item.restorable]:
        click.echo(
            f"{len(lost)} of them would have to be made again: DVC's cache does not have the result, such as that of store/{lost[0].directory}"
        )
    if loose := [item for item in leftovers if not item.locked_in_git]:
        click.echo(
            f"{len(loose)} of them have a dvc.lock that git does not have; DVC's run cache knows their results without it"
        )


def _asked() -> bool:
    """Whether a person says yes; nobody there says no."""
    return sys.stdin.isatty() and click.confirm("remove them?")


def _verdict(leftovers: Sequence[Leftover]) -> str:
    said = (
        f"removed {plural(len(leftovers), 'stage')}, {_shown(sum(item.size for item in leftovers))}"
    )
    return f"{said}; what DVC's cache has of them stays: to free it, run: dvc gc --workspace --all-commits"


def _shown(size: float) -> str:
    """A size for people.

    >>> _shown(2_340_000)
    '2.3 MB'
    """
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
