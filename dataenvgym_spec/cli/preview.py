"""`dataenvgym preview`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from dataenvgym_spec.cli.common import (
    Project,
    as_json,
    load_project,
    plural,
    print_json,
    setting,
)
from dataenvgym_spec.cli.replies import response_lines, text_lines
from dataenvgym_spec.core.errors import UserError, seen, suggest, visible
from dataenvgym_spec.graph.ir import Entry, Stage, Use

if TYPE_CHECKING:
    from dataenvgym_spec.execute.preview import Preview
    from dataenvgym_spec.records.examples import Example


@click.command("preview")
@click.argument("name")
@click.option(
    "--examples",
    "count",
    type=click.IntRange(1, 100),
    default=5,
    show_default=True,
    help="How many.",
)
@click.option("--arm", help="The arm (default: the first).")
@click.option("--seed", type=int, help="The run seed (default: the first).")
@setting
@as_json
def command(
    name: str, count: int, arm: str | None, seed: int | None, sets: tuple[str, ...], as_json: bool
) -> None:
    """Make and show a few examples of an experiment's first plan, before anyone pays for all of
    them: the plan, the examples, and the prompts with what teachers replied.

    Nothing is stored. What teachers answer is kept in the journal, so that the same question is
    not paid for again. The results that the plan looks at (of the base student, say) must be there.

    \b
    Example:
      dataenvgym preview quickstart --arm no-state
    """
    from dataenvgym_spec.execute.preview import preview

    project = load_project((name,), sets=sets)
    entry = _only(project, name)
    stage, use = _first(project, entry, arm, seed)
    graph = project.compiled.graph
    shown = preview(project.layout, graph, stage, entry.circumstances, count=count)
    if as_json:
        print_json(_record(use, shown))
        return
    for line in _lines(use, shown):
        click.echo(seen(line))


def _only(project: Project, name: str) -> Entry:
    """The experiment that a name stands for.

    Raises:
        UserError: it stands for several.
    """
    names = [entry.name for entry in project.compiled.graph.entries]
    if len(names) > 1:
        help = f"name one of them: {', '.join(names[:10])}"
        raise UserError(f"'{name}' is {len(names)} experiments", help=help)
    return project.entry(names[0])


def _first(project: Project, entry: Entry, arm: str | None, seed: int | None) -> tuple[Stage, Use]:
    """The stage that carries out the first plan of an arm and seed.

    Raises:
        UserError: there is no such arm or seed.
    """
    arms, seeds = entry.index.arms, entry.index.seeds
    if arm is not None and arm not in arms:
        raise UserError(f"there is no arm '{arm}'", help=suggest(arm, arms))
    if seed is not None and seed not in seeds:
        listed = ", ".join(map(str, seeds))
        raise UserError(f"there is no run with the seed {seed}", help=f"seeds: {listed}")
    wanted = (entry.name, arm or arms[0], seeds[0] if seed is None else seed, 1)
    for stage in project.compiled.graph.stages:
        for use in stage.uses:
            place = (use.experiment, use.arm, use.seed, use.iteration)
            if stage.kind == "generate" and place == wanted:
                return stage, use
    message = f"the arm '{wanted[1]}' generates nothing in its first iteration"
    raise UserError(message, help="name another arm with --arm")


def _lines(use: Use, shown: Preview) -> Iterator[str]:
    count = len(shown.examples)
    asked = sum(request.count for request in shown.plan.asked())
    of = f"{plural(count, 'example')} of the {asked} of the first plan"
    yield f"{use.arm}, seed {use.seed}: {of}; nothing is stored"
    yield ""
    yield "plan"
    for skill, amount in list(shown.plan.allocation.items())[:20]:
        yield f"  {amount:5d} x {visible(skill)}: {visible(shown.plan.reasons.get(skill, ''))}"
    for number, example in enumerate(shown.examples, start=1):
        yield ""
        yield from _example(number, example)
    for response in shown.responses:
        yield ""
        yield from response_lines(response)
    missing = sum(request.count for request in shown.requests) - count
    if missing:
        yield ""
        became = ", ".join(f"{number} {what}" for what, number in shown.made.items())
        yield f"{plural(missing, 'example')} could not be made{': ' * bool(became)}{became}"


def _example(number: int, example: Example) -> Iterator[str]:
    part = f", {visible(example.subskill)}" if example.subskill else ""
    yield f"{number}. {visible(example.skill)}{part}"
    yield from text_lines("input", example.input)
    yield from text_lines("target", example.target)
    made = example.provenance
    if made is not None and made.asks:
        yield f"   from    {', '.join(map(visible, made.asks))} below"
    if made is not None and made.shown:
        yield f"   errors  {', '.join(map(visible, made.shown))}"


def _record(use: Use, shown: Preview) -> dict[str, Any]:
    """For programs: all of it."""
    return {
        "experiment": use.experiment,
        "arm": use.arm,
        "seed": use.seed,
        "plan": shown.plan.plain(),
        "requests": _plain(shown.requests),
        "examples": _plain(shown.examples),
        "responses": _plain(shown.responses),
        "made": shown.made,
    }


def _plain(records: Sequence[Any]) -> list[dict[str, Any]]:
    return [record.plain() for record in records]
