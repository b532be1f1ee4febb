"""`dataenvgym run`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, Literal

import click

from dataenvgym_spec.cli.again import command_line
from dataenvgym_spec.cli.away import require_no_jobs
from dataenvgym_spec.cli.common import Project, layout_here, load_project, plural, setting
from dataenvgym_spec.cli.failing import AGAIN, unfinished
from dataenvgym_spec.cli.guard import admit, require_services
from dataenvgym_spec.cli.pulling import Pulling
from dataenvgym_spec.core.errors import LimitReached, StageError, UserError, seen
from dataenvgym_spec.core.text import shortened
from dataenvgym_spec.core.variables import REPLAY
from dataenvgym_spec.emit.write import write
from dataenvgym_spec.graph.ir import Entry
from dataenvgym_spec.questions.cost.guard import guard
from dataenvgym_spec.questions.plan import PlannedStage, plan
from dataenvgym_spec.schedule.dvc import reproduce
from dataenvgym_spec.schedule.todo import Open, open_targets
from dataenvgym_spec.setup.hardware.leases import clone_lock
from dataenvgym_spec.store.dvc.disk import Disk
from dataenvgym_spec.store.dvc.messages import UNFETCHED
from dataenvgym_spec.store.owned import sweep

KEEP: Final = (
    "to keep it: git add dvc.* experiments store, git commit; to share the results too: dvc push"
)
"""What is said at the end, in place of DVC's list of every file."""

AUTO: Final = "auto"
LONGEST: Final = 40
"""Characters of a wrong number that are said."""


class Jobs(click.ParamType[int | Literal["auto"]]):
    """A number of jobs, or as many as the machine has room for."""

    name = "jobs"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | Literal["auto"]:
        """The number."""
        if value == AUTO:
            return "auto"
        try:
            return int(click.IntRange(min=1).convert(value, param, ctx))
        except click.BadParameter:
            known = f"neither a whole number of at least 1 nor '{AUTO}'"
            self.fail(f"'{shortened(str(value), LONGEST)}' is {known}", param, ctx)


@click.command("run")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option(
    "--jobs",
    type=Jobs(),
    metavar="N",
    help="Run up to N stages side by side; 'auto' for as many as there is room for, as by default "
    "on a cluster. On Slurm no N is possible.",
)
@click.option(
    "--on",
    type=click.Choice(["local", "ray", "slurm"]),
    default="local",
    help="Where stages run: on this machine, on a Ray cluster, or as jobs of Slurm.",
)
@click.option(
    "--address",
    metavar="HOST:PORT",
    help="The Ray cluster; by default RAY_ADDRESS, or that of hardware.yaml, or one of its own.",
)
@click.option(
    "--keep-going",
    is_flag=True,
    help="After a failure, go on with all that does not depend on it.",
)
@click.option(
    "--retry",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Try a stage again, up to N times, that was killed; one that failed by itself is not.",
)
@click.option(
    "--pull",
    is_flag=True,
    help="Let DVC fetch from its remote what colleagues have made already. If the remote goes away "
    "meanwhile, the run goes on without it.",
)
@click.option("--ignore-limits", is_flag=True, help="Run whatever it costs.")
@click.option(
    "--replay",
    is_flag=True,
    help="Ask no teacher: each answer has to be in the journal (dataenvgym journal --help).",
)
@setting
def command(
    names: tuple[str, ...],
    jobs: int | Literal["auto"] | None,
    on: Literal["local", "ray", "slurm"],
    address: str | None,
    keep_going: bool,
    retry: int,
    pull: bool,
    ignore_limits: bool,
    replay: bool,
    sets: tuple[str, ...],
) -> int:
    """Compile experiments and reproduce them with DVC. What is done already is not done again.

    NAME is an experiment, or a sweep: then its experiments run one after the other, and one that
    fails holds up none. With --jobs they run side by side, each stage as soon as what it reads is
    there, and one that several of them need once. If a spec has `limits`, it does not start what
    cannot fit into them, and pauses once they are passed (exit code 3).

    \b
    Example:
      dataenvgym run quickstart
      dataenvgym run quickstart --jobs auto
    """
    layout = layout_here()
    with clone_lock(layout, "run") as is_ours:
        if not is_ours:
            look = "dataenvgym status   (a clone of the repository can run beside it)"
            message = "another 'dataenvgym run' is at work in this repository"
            raise UserError(message, help=f"wait for it, or look at it with: {look}")
        if on != "slurm":
            require_no_jobs(layout)
        sweep(layout.apart)
        project = load_project(names, sets=sets)
        # Other specs were not read, so nothing of theirs may be taken away.
        write(project.compiled.graph, layout, everything=False)
        variables = {REPLAY: "1"} if replay else {}
        if jobs is None and on == "local":
            jobs = 1
        if jobs == 1 and on == "local" and not address and not keep_going and not retry:
            _run(project, pull=pull, ignore_limits=ignore_limits, variables=variables)
            return 0
        # A run of one stage after the other does not wait for these imports.
        from dataenvgym_spec.cli.jobs import Options, run_side_by_side

        options = Options(
            names=names,
            jobs=None if jobs == AUTO else jobs,
            keep_going=keep_going,
            retries=retry,
            pull=pull,
            ignore_limits=ignore_limits,
            variables=variables,
            on=on,
            command=command_line(click.get_current_context()),
            address=address,
        )
        if run_side_by_side(project, options):
            click.echo(KEEP)
    return 0


def _run(
    project: Project, *, pull: bool, ignore_limits: bool, variables: Mapping[str, str]
) -> None:
    """Reproduces the experiments one after the other; one that fails does not hold up the next.

    Raises:
        StageError: a stage of an experiment failed.
        LimitReached: an experiment does not fit into its limits, and no stage failed.
    """
    entries = project.compiled.graph.entries
    failures: list[UserError] = []
    worked = False
    pulling = Pulling(pull)
    for item in entries:
        try:
            worked |= _reproduce(
                project, item, pulling, ignore_limits=ignore_limits, variables=variables
            )
        except (StageError, LimitReached) as error:
            failures.append(error)
            if len(entries) > 1:
                click.echo(seen(f"{item.name}: {error.message}"), err=True)
    if failures:
        raise max(failures, key=lambda error: isinstance(error, StageError))
    if worked:
        click.echo(KEEP)


def _reproduce(
    project: Project,
    item: Entry,
    pulling: Pulling,
    *,
    ignore_limits: bool,
    variables: Mapping[str, str],
) -> bool:
    """Does what a plan says, and plans again until nothing is left; returns whether that was any.

    A result may come out otherwise than its stage promises. What is open then is below what was
    done just now, so that this ends.
    """
    layout = project.layout
    done: tuple[str, ...] = ()
    while True:
        steps = pulling.planned(partial(_plan, project, item))
        todo = open_targets(item, steps)
        # Nothing is left, or DVC was given just these and did not fail: giving them again would
        # never end.
        if done and todo.targets in ((), done):
            return True
        require_services(project, item, steps, {**os.environ, **variables})
        limits = {} if ignore_limits else _admitted(project, item, steps)
        click.echo(f"{item.name}: {_to_do(todo, again=bool(done))}")
        if not todo.targets:
            return False
        pulling.begun = True
        code = reproduce(
            item, todo.targets, layout, pull=pulling.on, variables={**variables, **limits}
        )
        if code == UNFETCHED:
            pulling.failed(" ".join((item.name, *todo.targets)))
            done = ()
            continue
        if code:
            # It failed, or paused at a limit, which `guard` says.
            guard(layout, limits)
            raise unfinished(project, item.name, help=f"the reason is above; {AGAIN}")
        done = todo.targets


def _admitted(project: Project, item: Entry, steps: tuple[PlannedStage, ...]) -> Mapping[str, str]:
    admission = admit(project, {item.name: steps})
    if item.name in admission.refused:
        raise admission.refused[item.name]
    return admission.limits[item.name]


def _plan(project: Project, item: Entry, pull: bool) -> tuple[PlannedStage, ...]:
    # A new one each time: DVC has changed what a Disk remembers.
    world = Disk(project.layout, pull=pull)
    return plan(project.compiled.graph, item, world, explains=False)


def _to_do(todo: Open, *, again: bool) -> str:
    count = len(todo.targets)
    if again:
        reason = "what was made again came out otherwise than before"
        return f"{plural(count, 'more step')} to do, {reason}"
    return f"{plural(count, 'step')} to do, {todo.done} done already"
