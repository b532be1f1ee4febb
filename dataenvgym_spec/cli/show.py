"""`dataenvgym show`."""

from __future__ import annotations

import click

from dataenvgym_spec.cli.common import as_json, layout_here, print_json, read_specs, setting
from dataenvgym_spec.core.errors import UserError, suggest
from dataenvgym_spec.questions.explain import resolved
from dataenvgym_spec.store.dvc.dialect import dump


@click.command("show")
@click.argument("spec")
@click.option("--arm", help="Print only this arm.")
@setting
@as_json
def command(spec: str, arm: str | None, sets: tuple[str, ...], as_json: bool) -> None:
    """Print a spec in full: what it extends merged, defaults filled in, each arm as it differs
    from the first.

    What is printed is a spec that compiles to the same keys; of a sweep, one document for each
    point.

    \b
    Example:
      dataenvgym show quickstart --arm no-state
    """
    specs = read_specs([spec], layout_here(), sets)
    names = {item.name for one in specs for item in one.arms}
    if arm is not None and arm not in names:
        raise UserError(f"there is no arm '{arm}'", help=suggest(arm, names))
    # A point of a sweep need not have every arm.
    shown = [one for one in specs if arm is None or arm in {item.name for item in one.arms}]
    documents = [resolved(one, arm=arm) for one in shown]
    if as_json:
        print_json(documents[0] if len(documents) == 1 else documents)
        return
    texts = [dump(document, sort_keys=False) for document in documents]
    click.echo("---\n".join(texts), nl=False)
