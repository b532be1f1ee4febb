"""`dataenvgym status`."""

from __future__ import annotations

from collections import Counter

import click

from dataenvgym_spec.cli.common import as_json, layout_here, print_json
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.questions.status import StageStatus, status
from dataenvgym_spec.results.experiment import load


@click.command("status")
@click.argument("name", required=False)
@click.option("--all", "show_all", is_flag=True, help="Also list the stages that are done.")
@as_json
def command(name: str | None, show_all: bool, as_json: bool) -> None:
    """Say which stages of an experiment (default: of every one) are done, running, failed or missing.

    \b
    Example:
      dataenvgym status quickstart
    """
    layout = layout_here()
    names = [name] if name else sorted(path.stem for path in layout.experiments.glob("*.json"))
    if not names:
        raise UserError("nothing is compiled here", help="run: dataenvgym compile")
    found = {item: status(load(item, layout.root)) for item in names}
    if as_json:
        print_json(
            {
                "stages": [
                    {"experiment": item, **_record(row)}
                    for item, rows in found.items()
                    for row in rows
                ]
            }
        )
        return
    for item, rows in found.items():
        counts = Counter(row.state for row in rows)
        click.echo(
            f"{item}: "
            + ", ".join(
                f"{counts[state]} {state}"
                for state in ("done", "running", "failed", "missing")
                if counts[state]
            )
        )
        for row in rows:
            if show_all or row.state in ("running", "failed"):
                click.echo(f"  {row.state:8} {row.label:48} {row.detail}")


def _record(row: StageStatus) -> dict[str, str]:
    return {
        "key": row.key,
        "kind": row.kind,
        "state": row.state,
        "label": row.label,
        "detail": row.detail,
    }
