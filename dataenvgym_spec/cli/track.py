"""`dataenvgym track`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from dataenvgym_spec.cli.common import as_json, layout_here, plural, print_json
from dataenvgym_spec.cli.elsewhere import absence, remedy
from dataenvgym_spec.core.errors import seen
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.store.layout import Layout

if TYPE_CHECKING:
    from dataenvgym_spec.track.changes import Changes


@click.command("track")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--verify", is_flag=True, help="Only say what differs; exit code 1 if anything does.")
@click.option("--fix", is_flag=True, help="Put right all that --verify finds.")
@as_json
def command(names: tuple[str, ...], verify: bool, fix: bool, as_json: bool) -> int:
    """Bring MLflow up to date with the results of experiments (default: all compiled ones).

    Goes to MLFLOW_TRACKING_URI, or else to a database in the repository. Everything there is made
    from the results: deleted, it comes back; done twice, nothing changes. Of runs that are said to
    be complete only what a list of runs shows is compared, which takes few requests; --verify reads
    every curve and file.

    \b
    Example:
      dataenvgym track quickstart
      dataenvgym track --verify
    """
    from dataenvgym_spec.track import Changes, TrackingUnavailable, names_of, track

    layout = layout_here()
    chosen = list(dict.fromkeys(names)) or names_of(layout)
    if verify and not fix:
        return _verify(layout, chosen, as_json)
    changes = Changes()
    try:
        done = track(layout, chosen, thorough=fix, say=_say, changes=changes)
    except TrackingUnavailable:
        if any(asdict(changes).values()):
            _say(f"until it failed: {_changes(changes)}")
        raise
    _say_what_is_missing(layout, chosen)
    if as_json:
        print_json({"experiments": chosen, **asdict(done)})
        return 0
    runs = plural(done.runs, "run")
    click.echo(f"{', '.join(chosen)}: {runs} in {done.uri}; {_changes(changes)}")
    if not done.server:
        click.echo("  look at it: dataenvgym ui")
        return 0
    for page in done.pages:
        click.echo(f"  look at it: {done.uri.rstrip('/')}/{page}")
    return 0


def _say_what_is_missing(layout: Layout, names: list[str]) -> None:
    """What was made elsewhere, is not here and is therefore not shown."""
    for results in (load(name, layout.root) for name in names):
        reason = absence(results)
        if reason:
            _say(f"{results.name}: {reason}, so they are not tracked; {remedy(results)}")


def _changes(done: Changes) -> str:
    """What tracking changed, in words."""
    parts = []
    if done.created:
        parts.append(f"{plural(done.created, 'run')} made")
    if done.removed:
        parts.append(f"{plural(done.removed, 'old one')} removed")
    if done.logged:
        parts.append(f"{plural(done.logged, 'value')} added")
    return ", ".join(parts) or "nothing had to change"


def _verify(layout: Layout, names: list[str], as_json: bool) -> int:
    from dataenvgym_spec.track import differences

    different = differences(layout, names, say=_say)
    if as_json:
        print_json({"experiments": names, "differences": different})
    elif different:
        click.echo(seen("\n".join(different)))
        click.echo(
            f"\n{plural(len(different), 'difference')}; run: dataenvgym track --verify --fix"
        )
    else:
        click.echo(f"{', '.join(names)}: MLflow holds what the results say")
    return 1 if different else 0


def _say(text: str) -> None:
    click.echo(seen(text), err=True)
