"""`dataenvgym compare`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import click

from dataenvgym_spec.cli.common import layout_here, print_json

if TYPE_CHECKING:
    from dataenvgym_spec.questions.compare import Split, Student

Format = Literal["text", "markdown", "csv", "json"]
FORMATS: Final[tuple[Format, ...]] = ("text", "markdown", "csv", "json")


@click.command("compare")
@click.argument("names", metavar="A [B...]", nargs=-1, required=True)
@click.option(
    "--student",
    type=click.Choice(("base", "best", "last")),
    default="best",
    show_default=True,
    help="Whose answers are paired.",
)
@click.option(
    "--split",
    type=click.Choice(("test", "selection")),
    default="test",
    show_default=True,
    help="Whose items they answered.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def command(
    names: tuple[str, ...], student: Student, split: Split, form: Format, as_json: bool
) -> None:
    """Show the scores of arms, experiments, points of a sweep or revisions side by side, the
    paired difference of each to the first, and every key in which they differ: values, files,
    versions of components and packages, machines.

    Each is NAME, NAME:ARM, NAME@REVISION or NAME:ARM@REVISION; a sweep stands for its points.
    Without an arm each is compared with the arm of the same name of the first; of one NAME alone
    each arm is compared with its first. Only equal items are paired, and where versions or machines
    differ, a difference is not called one of arms.

    \b
    Example:
      dataenvgym compare quickstart
      dataenvgym compare quickstart:no-state quickstart:with-state --format markdown
      dataenvgym compare quickstart@HEAD~1 quickstart
    """
    from dataenvgym_spec.cli import compared
    from dataenvgym_spec.questions.compare import contrast, corrected, scores
    from dataenvgym_spec.questions.sides import groups, pairs
    from dataenvgym_spec.report.extra import require

    require("scipy")
    layout = layout_here()
    layout.private.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="compare-", dir=layout.private) as folder:
        named = groups(layout, names, Path(folder))
        sides = {side.label: side for group in named for side in group}
        columns = [(side, scores(side, split)) for side in sides.values()]
        contrasts = corrected([contrast(*pair, student, split) for pair in pairs(named)])
        told = compared.Told(sides=tuple(columns), contrasts=contrasts, split=split)
        if as_json or form == "json":
            print_json(compared.record(told))
        elif form == "csv":
            click.echo(compared.csv(told), nl=False)
        elif form == "markdown":
            click.echo(compared.markdown(told), nl=False)
        else:
            compared.show(told)
