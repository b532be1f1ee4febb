"""`dataenvgym track`."""

from __future__ import annotations

from dataclasses import asdict

import click

from dataenvgym_spec.cli.common import as_json, layout_here, plural, print_json
from dataenvgym_spec.store.layout import Layout


@click.command("track")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--verify", is_flag=True, help="Only say what differs; exit code 1 if anything does.")
@as_json
def command(names: tuple[str, ...], verify: bool, as_json: bool) -> int:
    """Bring MLflow up to date with the results of experiments (default: all compiled ones).

    Goes to MLFLOW_TRACKING_URI, or else to a database in the repository. Everything there is made from the results: deleted,
    it comes back; done twice, nothing changes.

    \b
    Example:
      dataenvgym track quickstart
      dataenvgym track --verify
    """
    from dataenvgym_spec.track import names_of, track

    layout = layout_here()
    chosen = list(dict.fromkeys(names)) or names_of(layout)
    if verify:
        return _verify(layout, chosen, as_json)
    done = track(layout, chosen, say=_say)
    if as_json:
        print_json({"experiments": chosen, **asdict(done)})
        return 0
    changed = [
        f"{plural(done.created, 'run')} made" if done.created else "",
        f"{plural(done.removed, 'old one')} removed" if done.removed else "",
    ]
    changed += [f"{plural(done.logged, 'value')} added" if done.logged else ""]
    said = ", ".join(part for part in changed if part) or "nothing had to change"
    click.echo(f"{', '.join(chosen)}: {plural(done.runs, 'run')} in {done.uri}; {said}")
    for page in done.pages if done.server else ():
        click.echo(f"  look at it: {done.uri.rstrip('/')}/{page}")
    if not done.server:
        click.echo("  look at it: dataenvgym ui")
    return 0


def _verify(layout: Layout, names: list[str], as_json: bool) -> int:
    from dataenvgym_spec.track import differences

    found = differences(layout, names, say=_say)
    if as_json:
        print_json({"experiments": names, "differences": found})
    elif found:
        click.echo("\n".join(found))
        click.echo(f"\n{plural(len(found), 'difference')}; run: dataenvgym track")
    else:
        click.echo(f"{', '.join(names)}: MLflow holds what the results say")
    return 1 if found else 0


def _say(text: str) -> None:
    click.echo(text, err=True)
