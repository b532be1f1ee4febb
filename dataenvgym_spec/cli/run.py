"""`dataenvgym run`."""

from __future__ import annotations

import click

from dataenvgym_spec.cli.common import Project, layout_here, load_project, plural, setting
from dataenvgym_spec.cli.guard import admit
from dataenvgym_spec.core.errors import LimitReached, StageError, UserError
from dataenvgym_spec.emit.write import write
from dataenvgym_spec.graph.ir import Entry
from dataenvgym_spec.questions.cost.guard import guard
from dataenvgym_spec.questions.plan import plan
from dataenvgym_spec.schedule.dvc import open_targets, reproduce
from dataenvgym_spec.store.dvc.disk import Disk
from dataenvgym_spec.store.locks import held


@click.command("run")
@click.argument("name")
@click.option(
    "--pull", is_flag=True, help="Let DVC fetch from its remote what colleagues have made already."
)
@click.option("--ignore-limits", is_flag=True, help="Run whatever it costs.")
@setting
def command(name: str, pull: bool, ignore_limits: bool, sets: tuple[str, ...]) -> int:
    """Compile an experiment and reproduce it with DVC. What is done already is not done again.

    NAME is an experiment, or a sweep: then its experiments run one after the other, and one that fails holds up none.
    If the spec has `limits`, it does not start what cannot fit into them, and pauses once they are passed (exit code 3).

    \b
    Example:
      dataenvgym run quickstart
    """
    layout = layout_here()
    with held(layout.lock("run")) as got:
        if not got:
            raise UserError(
                "another 'dataenvgym run' is at work in this repository",
                help="wait for it, or look at it with: dataenvgym status   (a clone of the repository can run beside it)",
            )
        project = load_project((name,), sets=sets)
        write(project.compiled.graph, layout, everything=False)
        failed: list[UserError] = []
        for item in project.compiled.graph.entries:
            try:
                _reproduce(project, item, pull=pull, ignore_limits=ignore_limits)
            except (
                StageError,
                LimitReached,
            ) as error:  # the other experiments of a sweep need not wait for this one
                failed.append(error)
                if len(project.compiled.graph.entries) > 1:
                    click.echo(f"{item.name}: {error.message}", err=True)
        if failed:
            raise max(failed, key=lambda error: isinstance(error, StageError))
    return 0


def _reproduce(project: Project, item: Entry, *, pull: bool, ignore_limits: bool) -> None:
    """Does what a plan says, and plans again until nothing is left: a result may come out otherwise than its stage promises.

    What is open then lies below what was done just now, so that this ends.
    """
    layout = project.layout
    done: tuple[str, ...] = ()
    while True:
        world = Disk(layout, pull=pull)
        steps = plan(project.compiled.graph, item, world, project.compiled.specs)
        world.remembered.save()
        todo = open_targets(item, steps)
        if done and todo.targets in ((), done):
            return
        limits = {} if ignore_limits else admit(project, item, steps)
        more = (
            "what was made again came out otherwise than before"
            if done
            else f"{todo.done} done already"
        )
        click.echo(
            f"{item.name}: {plural(len(todo.targets), 'more step' if done else 'step')} to do, {more}"
        )
        if not todo.targets:
            return
        if reproduce(item, todo.targets, layout, pull=pull, limits=limits):
            guard(layout, limits)
            raise StageError(
                f"'{item.name}' did not finish",
                help="the reason is above; the same command goes on from what is done",
            )
        done = todo.targets
