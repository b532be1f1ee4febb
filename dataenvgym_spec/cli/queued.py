"""What is to be done of experiments that run side by side, as one queue."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import sqrt
from typing import Final

from dataenvgym_spec.cli.common import Project
from dataenvgym_spec.cli.guard import admit, out_of_reach
from dataenvgym_spec.cli.pulling import Pulling
from dataenvgym_spec.core.collector import collector_paused
from dataenvgym_spec.core.errors import LimitReached, SpecError
from dataenvgym_spec.core.variables import (
    REPLAY,
    THREADS,
    VLLM_CACHE,
    VLLM_CACHE_GIB,
    VLLM_GPUS,
    count,
)
from dataenvgym_spec.execute.hardware import Hardware
from dataenvgym_spec.graph.ir import Entry, Stage
from dataenvgym_spec.questions.cost.estimate import Machine, PastStages, estimate
from dataenvgym_spec.questions.cost.ranges import Interval
from dataenvgym_spec.questions.cost.spending import latest
from dataenvgym_spec.questions.foresee import Settled
from dataenvgym_spec.questions.plan import PlannedStage, plan
from dataenvgym_spec.questions.together import Plans, once
from dataenvgym_spec.results.prices import read_prices
from dataenvgym_spec.schedule.models import Models
from dataenvgym_spec.schedule.needs import GIB, Spread, needs
from dataenvgym_spec.schedule.parcels.packages import needed
from dataenvgym_spec.schedule.parcels.stays import asks
from dataenvgym_spec.schedule.protocol import Needs, Work
from dataenvgym_spec.schedule.shards import shard_count
from dataenvgym_spec.schedule.todo import open_targets, queue
from dataenvgym_spec.setup.hardware.profile import HardwareProfile
from dataenvgym_spec.store.dvc.disk import Disk

UNLIKELY: Final = 100.0
"""An expected time is at least this part of the longest: a stage that may run has no shortest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What is to be done now.

    Attributes:
        works: the queue.
        done: how many steps are done already, each counted once.
        limited: the experiments that do not fit into their limits, with the reason.
        packages: that stages need which may be run elsewhere.
    """

    works: tuple[Work, ...]
    done: int
    limited: Mapping[str, LimitReached]
    packages: Sequence[str] = ()


@dataclass(slots=True, kw_only=True)
class Rounds:
    """Plans experiments, each time anew: a result may come out otherwise than its stage promises.

    Attributes:
        project: the compiled specs.
        spread: how models are spread over this machine, or over those of a cluster.
        gpus: of such a machine.
        variables: of the environment, that stages get besides.
        pulling: whether DVC may fetch from its remote.
        ignore_limits: whether the limits of specs count.
        profile: how stages are shared by processes.
        apart: whether works go to a cluster, but for those that stay on this machine.
        limits: what the environment says to the stages of each experiment of its limits.
    """

    project: Project
    spread: Spread
    gpus: int
    variables: Mapping[str, str]
    pulling: Pulling
    ignore_limits: bool
    profile: HardwareProfile = field(default_factory=HardwareProfile)
    apart: bool = False
    limits: dict[str, Mapping[str, str]] = field(default_factory=dict)
    _given: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What each experiment had to do in the round before."""
    _models: Models = field(default_factory=lambda: Models({}))
    """Those of the round."""

    @collector_paused()
    def next(self, entries: Sequence[Entry]) -> Round:
        """What some experiments have to do.

        Raises:
            SpecError: a teacher cannot be asked from here.
        """
        plans = self.pulling.planned(partial(self._plans, entries))
        todo = self._todo(entries, plans)
        missing = out_of_reach(self.project, todo, {**os.environ, **self.variables})
        if missing:
            raise SpecError(missing)
        limited = self._limited(todo)
        admitted = {name: steps for name, steps in todo.items() if name not in limited}
        done = sum(step.action == "reuse" for step in once(plans))
        return Round(
            works=self._works(admitted),
            done=done,
            limited=limited,
            packages=self._packages(admitted),
        )

    def renewed(self, works: Sequence[Work]) -> list[Work]:
        """Works of this round with what they need once models are spread otherwise.

        Args:
            works: of the round.
        """
        stages = {stage.directory: stage for stage in self.project.compiled.graph.stages}
        found = []
        for work in works:
            stage = stages.get(work.id.partition(".")[0])  # a shard has the needs of its stage
            found.append(work if stage is None else replace(work, needs=self._needs(stage)))
        return self._located(found)

    def _located(self, works: Sequence[Work]) -> list[Work]:
        """Works with whether they stay on this machine."""
        if not self.apart:
            return list(works)
        stages = self.project.compiled.graph.stages
        # Shards ask the student alone, whoever judges what that says.
        going = {stage.directory for stage in stages if not asks(stage)}
        found = []
        for work in works:
            here = work.shard is None and work.id not in going
            found.append(replace(work, needs=replace(work.needs, here=here)))
        return found

    def retake(self, names: Iterable[str]) -> None:
        """Says that some experiments were held up, so that the same is to be done once more."""
        for name in names:
            self._given.pop(name, None)

    def _plans(self, entries: Sequence[Entry], pull: bool) -> Plans:
        # A new one each time: DVC has changed what a Disk remembers.
        world = Disk(self.project.layout, pull=pull)
        graph = self.project.compiled.graph
        settled: dict[str, Settled] = {}
        plans = {}
        for item in entries:
            plans[item.name] = plan(graph, item, world, explains=False, settled=settled)
        return plans

    def _todo(self, entries: Sequence[Entry], plans: Plans) -> Plans:
        """The plans of those that have something to do which they have not just done."""
        todo = {}
        for item in entries:
            targets = open_targets(item, plans[item.name]).targets
            # DVC was given just these and did not fail: giving them again would never end.
            if targets and targets != self._given.get(item.name):
                todo[item.name] = plans[item.name]
            self._given[item.name] = targets
        return todo

    def _limited(self, plans: Plans) -> Mapping[str, LimitReached]:
        if self.ignore_limits:
            return {}
        admission = admit(self.project, plans)
        self.limits.update(admission.limits)
        return admission.refused

    def _works(self, plans: Plans) -> tuple[Work, ...]:
        steps = [step for step in once(plans) if step.action != "reuse"]
        history = latest(self.project.layout, {step.kind for step in steps if step.use})
        graph = self.project.compiled.graph
        known = graph.by_id()
        self._models = Models(known, self.project.layout)
        works = queue(
            graph,
            plans,
            seconds=self._seconds(steps, history),
            needs=self._needs,
            pull=self.pulling.on,
            shards=lambda stage: self._shards(stage, known),
        )
        return tuple(self._located(works))

    def _packages(self, plans: Plans) -> list[str]:
        """What stages need of a cluster's machines that may be run there."""
        if not self.apart:
            return []
        known = self.project.compiled.graph.by_id()
        steps = [step for step in once(plans) if step.action in ("run", "maybe")]
        stages = [known[step.key] for step in steps if step.key in known]
        return needed(stage for stage in stages if not asks(stage))

    def _needs(self, stage: Stage) -> Needs:
        """What a stage occupies of the machines that there are now."""
        return needs(stage, self.spread, self._models)

    def _shards(self, stage: Stage, known: Mapping[str, Stage]) -> int:
        """How many processes share a stage."""
        # Where all is in the journal already, there is nobody to be asked.
        if stage.kind == "generate" and self.variables.get(REPLAY):
            return 1
        return shard_count(stage, known, self.profile)

    def _seconds(self, steps: Sequence[PlannedStage], history: PastStages) -> dict[str, float]:
        """How long stages are expected to take, by key."""
        project = self.project
        prices, machine = read_prices(project.layout.root), Machine(gpus=self.gpus)
        known = project.compiled.graph.by_id()
        estimates = estimate(steps, known, history, prices, machine)
        return {one.key: likely(one.cost.seconds) for one in estimates}


def likely(seconds: Interval) -> float:
    """One number for a range that may span magnitudes.

    >>> likely(Interval(low=1, high=100))
    10.0
    """
    return sqrt(max(seconds.low, seconds.high / UNLIKELY) * seconds.high)


def spread_of(environ: Mapping[str, str], cpus: int, elsewhere: int | None = None) -> Spread:
    """How models are spread over this machine, or over the machines of a cluster.

    Args:
        environ: the environment, with what the hardware profile says.
        cpus: that a large model uses.
        elsewhere: the GPUs of the largest machine of a cluster; None for this machine.

    Raises:
        UserError: a variable is wrong.
        StageError: this machine has fewer GPUs than processes are to train on it.
    """
    hardware = Hardware.of(environ, elsewhere)
    return Spread(
        cpus=cpus,
        threads=count(environ, THREADS),
        processes=hardware.processes // hardware.machines,
        gpus=hardware.gpus // hardware.machines,
        split=count(environ, VLLM_GPUS) or 1,
        machines=hardware.machines,
        cache=GIB * _cache(environ),
    )


def _cache(environ: Mapping[str, str]) -> int:
    """The GiB that vLLM keeps beside a model. It says itself what is wrong with its variable."""
    text = environ.get(VLLM_CACHE, "").strip()
    return int(text) if text.isdecimal() else VLLM_CACHE_GIB
