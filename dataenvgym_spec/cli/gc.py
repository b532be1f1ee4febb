"""`dataenvgym gc`."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import click

from dataenvgym_spec.cli.away import require_no_jobs
from dataenvgym_spec.cli.common import (
    Project,
    as_json,
    layout_here,
    load_project,
    plural,
    print_json,
    sums_of,
)
from dataenvgym_spec.core.errors import SpecError, UserError
from dataenvgym_spec.core.text import size_text
from dataenvgym_spec.emit.write import drift
from dataenvgym_spec.questions.garbage import garbage, needed
from dataenvgym_spec.setup.hardware.leases import clone_leases
from dataenvgym_spec.setup.hazards import SAFE_GC
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

SHOWN: Final = 3
"""How many leftovers are listed, the largest."""


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
    """Remove the stages, results and scratch that no spec of specs/*.yaml needs, after saying
    what they are.

    DVC's cache is left alone: `dataenvgym compile` and `dvc repro` bring back what is in it, and
    `dvc gc` is for the cache itself.

    \b
    Example:
      dataenvgym gc --all-branches --all-tags
      dataenvgym gc --rev paper-v1 --yes
    """
    layout = layout_here()
    # Held until the last file is gone, the question included: what was found must still hold then.
    with nobody_at_work(layout, clone_leases(layout, os.environ)):
        require_no_jobs(layout, spared="nothing was removed")
        wanted = _wanted(layout)
        branches_and_tags = revisions(layout, branches=all_branches, tags=all_tags)
        kept = reached_at(layout, [*names, *branches_and_tags])
        reached = wanted.union(named_elsewhere(layout), *kept.values())
        directories = present(layout)
        leftovers = measured(layout, garbage(directories, reached))
        # An experiment can need directories that are not on this disk: only those here are kept.
        count = len(needed(directories, reached) & directories.keys())
        if not as_json:
            _print(leftovers, count, kept)
        # A program that reads JSON is not asked: it says '--yes'.
        sure = bool(leftovers) and (yes or (not as_json and _asked()))
        if sure:
            remove(layout, [item.directory for item in leftovers])
    if as_json:
        print_json(_record(leftovers, count, removed=sure))
    elif leftovers:
        click.echo(_verdict(leftovers, removed=sure))


def _record(leftovers: Sequence[Leftover], kept: int, *, removed: bool) -> dict[str, Any]:
    """For programs: what was removed, or would be."""
    rows = [{**asdict(item), "kind": item.kind} for item in leftovers]
    size = sum(item.size for item in leftovers)
    return {"removed": removed, "kept": kept, "bytes": size, "leftovers": rows}


def _wanted(layout: Layout) -> frozenset[str]:
    """The stage directories that the active specs need.

    Raises:
        SpecError: a spec has an error; what it needs is not known.
        UserError: what is compiled is not what the specs say.
    """
    try:
        project: Project = load_project(root=layout.root)
    except SpecError:
        reason = "a spec with errors does not say what it needs:"
        click.echo(f"nothing was removed, because {reason}", err=True)
        raise
    changed = drift(project.compiled.graph, layout, everything=True)
    if changed:
        reason = f"what is compiled is not what the specs say: '{changed[0].path}'"
        if len(changed) > 1:
            reason += f" and {plural(len(changed) - 1, 'other path')}"
        message = f"nothing was removed, because {reason}"
        raise UserError(message, help="run: dataenvgym compile, and gc again")
    return frozenset(stage.directory for stage in project.compiled.graph.stages)


def _print(
    leftovers: Sequence[Leftover], kept: int, revisions: Mapping[str, Collection[str]]
) -> None:
    """What is needed and what is not."""
    also = [f"; {name} names {len(directories)}" for name, directories in revisions.items()]
    click.echo(f"needed: {plural(kept, 'stage')}{''.join(also)}")
    if not leftovers:
        click.echo("nothing to remove")
        return
    counts = Counter(item.kind for item in leftovers)
    kinds = sums_of(counts, sorted(counts))
    click.echo(f"not needed: {plural(len(leftovers), 'stage')} ({kinds}); {_sizes(leftovers)}")
    largest = sorted(leftovers, key=lambda item: (-item.size, item.directory))
    for item in largest[:SHOWN]:
        click.echo(f"  {size_text(item.size):>9}  store/{item.directory}")
    if len(leftovers) > SHOWN:
        click.echo(f"  {'...':>9}  (all of them: dataenvgym gc --json)")
    _print_losses(leftovers)


def _sizes(leftovers: Sequence[Leftover]) -> str:
    out = sum(item.out for item in leftovers)
    log = sum(item.log for item in leftovers)
    scratch = sum(item.scratch for item in leftovers)
    return f"out/ {size_text(out)}, log/ {size_text(log)}, scratch {size_text(scratch)}"


def _print_losses(leftovers: Sequence[Leftover]) -> None:
    """What does not come back by itself."""
    lost = [item for item in leftovers if not item.restorable]
    if lost:
        reason = "DVC's cache does not have the result, such as that of"
        place = f"store/{lost[0].directory}"
        click.echo(f"{len(lost)} of them would have to be made again: {reason} {place}")
    loose = [item for item in leftovers if not item.locked_in_git]
    if loose:
        remedy = "DVC's run cache knows their results without it"
        click.echo(f"{len(loose)} of them have a dvc.lock that git does not have; {remedy}")


def _asked() -> bool:
    """Whether a person says yes; nobody there says no."""
    return sys.stdin.isatty() and click.confirm("remove them?")


def _verdict(leftovers: Sequence[Leftover], *, removed: bool) -> str:
    """What came of it, last."""
    if not removed:
        return "nothing was removed" + ("" if sys.stdin.isatty() else "; run with --yes")
    size = sum(item.size for item in leftovers)
    rest = f"what DVC's cache has of them stays: to free it, run: {SAFE_GC}"
    return f"removed {plural(len(leftovers), 'stage')}, {size_text(size)}; {rest}"
