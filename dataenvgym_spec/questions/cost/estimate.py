"""What a plan will cost, as low-high intervals, and what stages have cost.

Pure: graphs and logs come in as records.

An estimate comes from the logs of earlier stages of the same kind that work alike (same student,
engine, device, ...). Time is taken to lie between constant and in proportion to the size of the
work: a stage of twice the size takes at least as long and at most twice as long. The range of what
was measured is widened for few measurements, because the next of n + 1 lies outside of the range of
n with a probability of 2 / (n + 1). Without any log the wide table in `table` holds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.graph.component import Circumstances
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.questions.cost.pricing import Work, painters_of, priced, teachers_of, unpriced
from dataenvgym_spec.questions.cost.ranges import ZERO, CostRange, Interval, exactly
from dataenvgym_spec.questions.cost.size import (
    allowed_tokens,
    answers,
    images,
    is_refill,
    like,
    painted_here,
    size,
    units,
)
from dataenvgym_spec.questions.cost.table import (
    ACCEPTED,
    ANY,
    DESCRIBED,
    PAINTED,
    SECONDS,
    STUDENT_PROMPT,
    TEACHER_TOKENS,
    TRAINED,
)
from dataenvgym_spec.questions.plan import PlannedStage
from dataenvgym_spec.questions.repro import Treatment
from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.results.ledger import TOKENS, cost_of
from dataenvgym_spec.results.prices import Prices

NEAR: Final = 4.0
"""Measurements within this factor of the size are preferred to others."""
MOST: Final = 12
"""How many measurements are looked at, the nearest in size."""
OTHER: Final = 10.0
"""How much a measurement of the same kind that does not work alike is widened, each way."""
SPREAD: Final = 2.0
"""How much more time varies than tokens do.

On a machine shared by other work, the same training took 2.7 times as long.
"""
SLACK: Final = 0.5
"""Seconds by which any stage can be off on a busy machine."""

NONE: Final[Circumstances] = {}

Known = Mapping[str, Stage]


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A stage that is done, with its log."""

    stage: Stage
    log: Log


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A stage that is done: what it works like, and the size of its work."""

    like: str
    size: float
    past: Past

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.past.log.seconds["total"]


@dataclass(frozen=True, kw_only=True)
class PastStages:
    """Stages that are done, and the stages they read, by key."""

    pasts: tuple[Past, ...] = ()
    known: Known

    @cached_property
    def by_kind(self) -> dict[str, list[Measured]]:
        """What was done of each kind."""
        found: dict[str, list[Measured]] = {}
        for past in self.pasts:
            if past.log.passed:  # a loop had stopped before it, and it did no work
                continue
            stage = past.stage
            row = Measured(like=like(stage, self.known), size=size(stage, self.known), past=past)
            found.setdefault(stage.kind, []).append(row)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where stages will run: a student uses the GPU, training uses all of them."""

    gpus: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEstimate:
    """What one stage will cost, and what that was taken from.

    Attributes:
        key: the stage.
        cost: its cost.
        basis: what it was taken from, in words.
        alike: whether that were logs of stages that work alike.
        unpriced: the services that it asks whose prices are not known, so that they are not in it.
    """

    key: str
    cost: CostRange
    basis: str
    alike: bool
    unpriced: frozenset[str] = frozenset()


def estimate(
    steps: Iterable[PlannedStage],
    stages: Known,
    history: PastStages,
    prices: Prices,
    machine: Machine,
    circumstances: Circumstances = NONE,
) -> tuple[StageEstimate, ...]:
    """The cost of each step of a plan that runs a stage.

    One that only may run has a low end of nothing.

    Args:
        steps: the plan.
        stages: the stages of the graph by key.
        history: what was done before.
        prices: the price table.
        machine: where it will run.
        circumstances: how components will run, as far as that has a price.
    """
    estimator = Estimator(stages=stages, history=history, prices=prices, machine=machine)
    return estimator.of(steps, circumstances)


@dataclass(slots=True, kw_only=True)
class Estimator:
    """Estimates what stages will cost. Each is worked out once, however many experiments share it.

    Attributes:
        stages: those of the graph by key.
        history: what was done before.
        prices: the price table.
        machine: where they will run.
    """

    stages: Known
    history: PastStages
    prices: Prices
    machine: Machine
    _estimates: dict[tuple[str, Treatment, str], StageEstimate] = field(default_factory=dict)

    def of(
        self, steps: Iterable[PlannedStage], circumstances: Circumstances = NONE
    ) -> tuple[StageEstimate, ...]:
        """The cost of each step of a plan that runs a stage, or may; see `estimate`."""
        here = canonical(circumstances)
        found = []
        for step in steps:
            if step.key not in self.stages or step.action not in ("run", "maybe"):
                continue
            mark = (step.key, step.action, here)
            if mark not in self._estimates:
                self._estimates[mark] = self._estimate(step, circumstances)
            found.append(self._estimates[mark])
        return tuple(found)

    def _estimate(self, step: PlannedStage, circumstances: Circumstances) -> StageEstimate:
        stage = self.stages[step.key]
        work, basis, alike = _work(stage, self.stages, self.history, self.machine)
        cost = priced(stage, work, self.prices, circumstances)
        return StageEstimate(
            key=stage.id,
            cost=cost.perhaps() if step.action == "maybe" else cost,
            basis=basis,
            alike=alike,
            unpriced=unpriced(stage, self.prices),
        )


def spent(past: Past, prices: Prices) -> CostRange:
    """What a finished stage has cost, by its log."""
    cost = cost_of(past.stage.kind, past.log, prices)
    work = Work(
        seconds=exactly(cost.seconds),
        gpu=exactly(cost.gpu_seconds),
        tokens={what: exactly(float(count)) for what, count in cost.tokens.items()},
        images=exactly(float(cost.images)),
        examples=exactly(float(cost.examples)),
    )
    found = priced(past.stage, work, prices, NONE)
    # Each teacher's tokens have their own price, and a cached one another.
    return replace(found, usd=exactly(cost.usd)) if past.log.teachers is not None else found


# --- one stage ------------------------------------------------------------------------------------


def _work(
    stage: Stage, known: Known, history: PastStages, machine: Machine
) -> tuple[Work, str, bool]:
    """What a stage takes, what that was taken from, and whether logs of like stages were it."""
    on_gpu = bool(machine.gpus) and stage.on_device
    # A stage without a device takes as long on any machine; an installed backend may name its own.
    elsewhere = "cpu" if on_gpu else "cuda"
    rows = [row for row in history.by_kind.get(stage.kind, []) if _device(row.past) != elsewhere]
    mine = like(stage, known)
    alike = [row for row in rows if row.like == mine]
    chosen, wide = (alike, 1.0) if alike else (rows, OTHER)
    seconds = _seconds(stage, known, chosen, wide)
    pasts = [row.past for row in chosen]
    tokens = {}
    for what in TOKENS:
        tokens[what] = _tokens(stage, what, known, pasts, history.known, wide)
    # Training uses all GPUs; whatever else runs on a GPU one, if it was not split over more before.
    split = max((past.log.gpus or 1 for past in pasts), default=1)
    gpus = machine.gpus if stage.declaration.work == "training" else split
    work = Work(
        seconds=seconds,
        gpu=seconds.times(gpus if on_gpu else 0),
        tokens=tokens,
        images=_images(stage, known, pasts if alike else [], history.known),
        examples=_examples(stage, known, pasts if alike else [], history.known),
    )
    return work, _basis(stage, len(chosen), alike=bool(alike)), bool(alike)


def _basis(stage: Stage, count: int, *, alike: bool) -> str:
    """What an estimate was taken from, in words."""
    logs = f"{count} log{'' if count == 1 else 's'}"
    if alike:
        return f"{logs} of like stages"
    return f"{logs} of other '{stage.kind}' stages" if count else "default"


def _device(past: Past) -> str | None:
    device = past.log.device
    return None if device is None else device.partition(":")[0]


def widening(count: int, spread: float = 1.0) -> float:
    """The factor by which the range of some measurements is widened, each way.

    >>> widening(1), widening(4), widening(4, spread=2.0)
    (2.0, 1.5, 2.0)
    """
    return 1 + spread / math.sqrt(count)


def _seconds(stage: Stage, known: Known, measured: Sequence[Measured], wide: float) -> Interval:
    amount = size(stage, known)
    if not measured:
        fixed, each = SECONDS.get(stage.kind, ANY)
        found = Interval(low=fixed[0] + each[0] * amount, high=fixed[1] + each[1] * amount)
        # A model that paints in the stage takes its time besides.
        return found + exactly(painted_here(stage, known)).times(*PAINTED)
    nearest = sorted(measured, key=lambda row: abs(math.log(row.size / amount)))[:MOST]
    near = [row for row in nearest if 1 / NEAR <= row.size / amount <= NEAR] or nearest
    low = min(row.seconds * min(1.0, amount / row.size) for row in near)
    high = max(row.seconds * max(1.0, amount / row.size) for row in near)
    factor = widening(len(near), SPREAD) * wide
    # The sealed evaluation scores one student if the best is the last, and two if not.
    fewer = 2.0 if any(read.slot == "choice" for read in stage.inputs) else 1.0
    return Interval(low=max(0.0, low / factor / fewer - SLACK), high=high * factor + SLACK)


def _tokens(
    stage: Stage, what: str, known: Known, pasts: Sequence[Past], before: Known, wide: float
) -> Interval:
    """Tokens in proportion to the units of work: items answered, examples seen or asked for."""
    ratios = []
    for past in pasts:
        used = past.log.tokens or {}
        if what in used:
            ratios.append(used[what] / units(past.stage, before))
    amount = units(stage, known)
    most = allowed_tokens(stage, what, known)
    if ratios:
        factor = widening(len(ratios)) * wide
        found = Interval(low=min(ratios) / factor * amount, high=max(ratios) * factor * amount)
    elif pasts and wide == 1.0:  # logs of like stages, none of which used tokens
        return ZERO
    else:
        found = _default_tokens(stage, what, amount, most)
    if any(read.slot == "choice" for read in stage.inputs):
        found = found.times(0.5, 1.0)
    return found.within(most)


def _default_tokens(stage: Stage, what: str, amount: float, most: float) -> Interval:
    if stage.kind == "evaluate" and what == "prompt":
        return Interval(low=amount * STUDENT_PROMPT[0], high=amount * STUDENT_PROMPT[1])
    if stage.kind == "evaluate" and what == "generated":
        return Interval(low=amount, high=most)
    trains = stage.declaration.work == "training"
    if trains and what == "trained" and math.isfinite(most):
        return Interval(low=amount * TRAINED, high=most)
    writes = any(not teacher.procedural for teacher in teachers_of(stage))
    if writes and what in TEACHER_TOKENS:
        low, high = TEACHER_TOKENS[what]
        # Whether the prompt is paid for with each answer is the provider's business.
        drawn = answers(stage)
        return Interval(low=amount * low, high=amount * drawn * high)
    return ZERO


def _examples(stage: Stage, known: Known, pasts: Sequence[Past], before: Known) -> Interval:
    """Accepted examples.

    All of an iteration are counted at its first round: refills only bring what is missing there.
    """
    if stage.kind != "check" or is_refill(stage):
        return ZERO
    amount = units(stage, known)
    shares = []
    for past in pasts:
        if past.log.accepted is not None:
            shares.append(past.log.accepted / units(past.stage, before))
    low = min(shares) / widening(len(shares)) if shares else ACCEPTED
    return Interval(low=low * amount, high=amount)


def _images(stage: Stage, known: Known, pasts: Sequence[Past], before: Known) -> Interval:
    """Images that a service paints: of every candidate one, as far as descriptions differ."""
    most = images(stage, known) if painters_of(stage) else 0.0
    if not most:
        return ZERO
    shares = []
    for past in pasts:
        used = (past.log.teachers or {}).values()
        # Those of the journal tell how many a stage needs as well as those that came for it.
        counts = [sum((one.images or {}).values()) for one in used]
        counts += [sum((one.reused_images or {}).values()) for one in used]
        shares.append(sum(counts) / images(past.stage, before))
    if shares:
        low = min(shares) / widening(len(shares))
        return Interval(low=low * most, high=most).within(most)
    return Interval(low=0.0 if is_refill(stage) else DESCRIBED * most, high=most)
