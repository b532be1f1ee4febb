"""`dataenvgym run --jobs`: experiments side by side, from one queue."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

import click
from msgspec.structs import replace as changed

from dataenvgym_spec.cli.common import Project, plural
from dataenvgym_spec.cli.engines import Engine, engine
from dataenvgym_spec.cli.failing import AGAIN, unfinished
from dataenvgym_spec.cli.onlooker import Onlooker
from dataenvgym_spec.cli.pulling import Pulling
from dataenvgym_spec.cli.queued import Rounds, spread_of
from dataenvgym_spec.cli.screen import ENDING
from dataenvgym_spec.core.errors import LimitReached, StageError, UserError, seen, visible
from dataenvgym_spec.core.room import cpus_here
from dataenvgym_spec.core.running import announced
from dataenvgym_spec.graph.ir import Entry
from dataenvgym_spec.questions.cost.guard import guard
from dataenvgym_spec.records.run_state import FailedWork, On
from dataenvgym_spec.results.prices import read_prices
from dataenvgym_spec.schedule.capacity import Capacity
from dataenvgym_spec.schedule.local import LocalRunner
from dataenvgym_spec.schedule.needs import Spread
from dataenvgym_spec.schedule.order import Outcome, carry_out
from dataenvgym_spec.schedule.progress import Progress
from dataenvgym_spec.schedule.protocol import Finished, Runner, Work
from dataenvgym_spec.schedule.spending import Spending
from dataenvgym_spec.setup.hardware.reading import read_profile, with_profile
from dataenvgym_spec.store.dvc.busy import release
from dataenvgym_spec.store.dvc.messages import UNFETCHED

MOST_TOLD: Final = 8
"""How many failures are told in full at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user wants of a run.

    Attributes:
        names: what the command line named.
        jobs: how many stages run at once, and processors of this machine they use together; None
            for as many as have room.
        keep_going: whether an experiment with a failure goes on with what does not depend on it.
        retries: how often a stage is tried again that the machine failed.
        pull: whether DVC may fetch from its remote.
        ignore_limits: whether the limits of specs count.
        variables: of the environment, that stages get besides.
        on: where stages run.
        command: the words of the command line.
        address: of the Ray cluster on which they do.
    """

    names: tuple[str, ...]
    jobs: int | None
    keep_going: bool = False
    retries: int = 0
    pull: bool = False
    ignore_limits: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    on: On = "local"
    command: tuple[str, ...] = ()
    address: str | None = None


def run_side_by_side(project: Project, options: Options) -> bool:
    """Reproduces the experiments of a project together; returns whether anything was to be done.

    Raises:
        StageError: a stage failed.
        LimitReached: an experiment does not fit into its limits, and no stage failed.
        SpecError: a teacher cannot be asked from here.
        KeyboardInterrupt: the user has stopped it.
    """
    environ = with_profile(project.layout.root, os.environ)
    profile = read_profile(project.layout.root, os.environ)
    capacity = Capacity.here(environ, profile.machine, options.jobs)
    # Ray refuses to be given more than there are.
    gpus = None if profile.machine.gpus is None else len(capacity.gpus)
    release(project.layout)
    elsewhere = engine(
        options.on,
        options.address,
        project.layout,
        profile=profile,
        room=changed(profile.machine, cpus=capacity.cpus, gpus=gpus),
        jobs=options.jobs,
        variables=options.variables,
        environ=environ,
    )
    rounds = Rounds(
        project=project,
        spread=spread_on(elsewhere, capacity.shown(environ)),
        gpus=len(capacity.gpus) if elsewhere is None else elsewhere.gpus or 0,
        variables=options.variables,
        pulling=Pulling(options.pull),
        ignore_limits=options.ignore_limits,
        profile=profile,
        apart=elsewhere is not None,
    )
    run = _Run(project, options, rounds, capacity, elsewhere, environ)
    try:
        return run.to_the_end()
    finally:
        run.local.close()
        if elsewhere is not None:
            elsewhere.close()


def spread_on(elsewhere: Engine | None, environ: Mapping[str, str]) -> Spread:
    """How models are spread where they run: over machines of a cluster, or over this one.

    A machine of a cluster may have GPUs where this one has none, and the other way round.

    Args:
        elsewhere: the cluster; None for this machine.
        environ: the environment, with what the hardware profile says.

    Raises:
        UserError: a variable is wrong.
        StageError: this machine has fewer GPUs than processes are to train on it.
    """
    if elsewhere is None:
        return spread_of(environ, cpus_here())
    return spread_of(environ, elsewhere.cpus, elsewhere.gpus or 0)


class _Run:
    """Carries out one round after the other."""

    def __init__(
        self,
        project: Project,
        options: Options,
        rounds: Rounds,
        capacity: Capacity,
        elsewhere: Engine | None,
        environ: Mapping[str, str],
    ) -> None:
        self.project, self.layout = project, project.layout
        self.options, self.rounds = options, rounds
        self.open: list[Entry] = list(project.compiled.graph.entries)
        self.failures: dict[str, UserError] = {}
        self.unfetched = False
        """Whether the remote went away in the round before."""
        self.local = LocalRunner(self.layout, capacity, self._variables)
        self.elsewhere, self.environ = elsewhere, environ
        self.runner: Runner = self.local
        slots = self.local.slots
        if elsewhere is not None:
            self.runner = elsewhere.around(self.local, self._variables)
            slots = elsewhere.slots
        spending = Spending(
            self.layout, project.compiled.graph, read_prices(self.layout.root), since=time.time()
        )
        self.progress = Progress(
            options.names,
            slots,
            self._output,
            spending,
            command=options.command,
            on=options.on,
        )

    def _variables(self, work: Work) -> Mapping[str, str]:
        """What the environment of a work has besides: whose it is, and what that may cost."""
        owner = work.experiments[0]
        limits = self.rounds.limits.get(owner, {})
        return {**announced(owner), **self.options.variables, **limits}

    def _output(self, work: Work) -> str:
        return str(self.layout.output(work.id).relative_to(self.layout.root))

    def to_the_end(self) -> bool:
        """Plans and carries out until nothing is left."""
        worked = False
        while self.open:
            self._look()
            todo = self.rounds.next(self.open)
            for name, error in todo.limited.items():
                self._give_up(name, error)
            if not worked or todo.works:
                self._announce(todo.works, todo.done, again=worked and not self.unfetched)
                self.unfetched = False
            if not todo.works:
                break
            if self.elsewhere is not None:
                self.elsewhere.require(todo.packages)
            worked = self.rounds.pulling.begun = True
            self._settle(self._carry_out(todo.works, todo.done))
        if self.failures:
            raise self._failure()
        return worked

    def _look(self) -> bool:
        """Has what stages need go by the machines that are there now; whether they are others."""
        if self.elsewhere is None:
            return False
        spread, gpus = spread_on(self.elsewhere, self.environ), self.elsewhere.gpus or 0
        if (spread, gpus) == (self.rounds.spread, self.rounds.gpus):
            return False
        self.rounds.spread, self.rounds.gpus = spread, gpus
        return True

    def _renewed(self, works: Sequence[Work]) -> Sequence[Work] | None:
        """Works with what they need of other machines; None where the machines are the same."""
        return self.rounds.renewed(works) if self._look() else None

    def _announce(self, works: tuple[Work, ...], done: int, *, again: bool) -> None:
        names = ", ".join(self.options.names)
        if again:
            reason = "what was made again came out otherwise than before"
            click.echo(f"{names}: {plural(len(works), 'more step')} to do, {reason}")
            return
        count = len(self.open)
        several = f"{count} experiments, " if count > 1 else ""
        steps = plural(len(works), "step")
        click.echo(f"{names}: {several}{steps} to do, {done} done already")

    def _carry_out(self, works: tuple[Work, ...], done: int) -> Outcome:
        self.progress.add(works, done)
        observer = Onlooker(self.progress, self.layout)
        with observer, _Interrupts(observer) as stopping:
            if self.elsewhere is not None:
                self.elsewhere.announce(works, stopping)
            outcome = carry_out(
                works,
                self.runner,
                observer=observer,
                keep_going=self.options.keep_going,
                retries=self.options.retries,
                stopping=stopping,
                renewed=self._renewed,
            )
            if outcome.stopped:
                self.progress.ended_as = "stopped"
            elif outcome.failed:
                self.progress.ended_as = "failed"
            else:
                self.progress.ended_as = "done"
        return outcome

    def _settle(self, outcome: Outcome) -> None:
        """Gives up the experiments with failures; the others are planned again.

        Raises:
            KeyboardInterrupt: the user has stopped it.
        """
        if outcome.stopped:
            raise KeyboardInterrupt
        _tell(self.progress.failed)
        for finished in outcome.failed:
            if finished.code == UNFETCHED:
                self.rounds.pulling.failed(" ".join((finished.work.id, *finished.work.targets)))
                self.rounds.retake(finished.work.experiments)
                self.unfetched = True
                continue
            if finished.code == LimitReached.exit_code:
                owner, *others = finished.work.experiments
                self._give_up(owner, self._paused(finished))
                self.rounds.retake(others)
                continue
            for name in finished.work.experiments:
                self._give_up(name, unfinished(self.project, name))
        self.progress.failed.clear()

    def _paused(self, finished: Finished) -> LimitReached:
        """The limit at which an experiment has paused."""
        try:
            guard(self.layout, self.rounds.limits.get(finished.work.experiments[0], {}))
        except LimitReached as error:
            return error
        return LimitReached(finished.message.removeprefix("error: "), help=AGAIN)

    def _give_up(self, name: str, error: UserError) -> None:
        # A failure says more than a pause.
        if not isinstance(self.failures.get(name), StageError):
            self.failures[name] = error
        self.open = [item for item in self.open if item.name != name]

    def _failure(self) -> UserError:
        """What the run ends with: all failures in one."""
        errors = list(self.failures.values())
        if len(errors) == 1:
            return errors[0]
        for name, error in self.failures.items():
            if isinstance(error, LimitReached):
                click.echo(seen(f"{name}: {error.message}"), err=True)
        failed = [error for error in errors if isinstance(error, StageError)]
        if not failed:
            return errors[0]
        return StageError(f"{plural(len(failed), 'experiment')} did not finish", help=AGAIN)


def _tell(failed: list[FailedWork]) -> None:
    """Prints why works failed, and where all is that they have printed."""
    for one in failed[:MOST_TOLD]:
        where = f" on {one.place}" if one.place else ""
        click.echo(f"\nfailed{visible(where)}: {visible(one.title)}", err=True)
        for line in one.message.split("\n"):
            click.echo(f"  {visible(line, limit=1000)}", err=True)
        click.echo(f"  all that it said: {one.output}", err=True)
    if len(failed) > MOST_TOLD:
        click.echo(f"\nand {len(failed) - MOST_TOLD} more failed", err=True)


class _Interrupts:
    """Counts how often the user presses Ctrl-C, in place of the exception that it is otherwise."""

    def __init__(self, observer: Onlooker) -> None:
        self.observer = observer
        self.times = 0

    def __enter__(self) -> _Interrupts:
        self._before = signal.signal(signal.SIGINT, self._count)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _count(self, _number: int, _frame: FrameType | None) -> None:
        self.times += 1

    def __call__(self) -> int:
        """How often so far."""
        if self.times and not self.observer.progress.ending:
            self.observer.ending(f"ending {ENDING}")
        return self.times
