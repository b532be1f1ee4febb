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
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Final

from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.questions.cost.size import allowed_tokens, answers, like, size, units
from dataenvgym_spec.questions.cost.table import (
    ACCEPTED,
    ANY,
    SECONDS,
    STUDENT_PROMPT,
    TEACHER_TOKENS,
    TRAINED,
)
from dataenvgym_spec.questions.plan import PlannedStage
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

Known = Mapping[str, Stage]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """From low to high.

    >>> Interval(low=1, high=2) + Interval(low=1, high=3)
    Interval(low=2, high=5)
    """

    low: float = 0.0
    high: float = 0.0

    def __add__(self, other: Interval) -> Interval:
        return Interval(low=self.low + other.low, high=self.high + other.high)

    def times(self, low: float, high: float | None = None) -> Interval:
        """Scaled: the low end by `low`, the high end by `high` (default: the same)."""
        return Interval(low=self.low * low, high=self.high * (low if high is None else high))

    def within(self, most: float) -> Interval:
        """Cut off at a bound that cannot be passed."""
        return Interval(low=min(self.low, most), high=min(self.high, most))


ZERO: Final = Interval()


def exactly(value: float) -> Interval:
    """An interval of one value."""
    return Interval(low=value, high=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRange:
    """What some stages cost: accepted examples, tokens, US dollars, and seconds of work.

    Attributes:
        training: seconds of the stages that train, out of `seconds`.
        generation: seconds of the stages in which a student or a teacher writes, out of `seconds`.
        gpu: seconds on GPUs, times the GPUs in use.
    """

    examples: Interval = ZERO
    prompt: Interval = ZERO
    generated: Interval = ZERO
    trained: Interval = ZERO
    usd: Interval = ZERO
    seconds: Interval = ZERO
    training: Interval = ZERO
    generation: Interval = ZERO
    gpu: Interval = ZERO

    def __add__(self, other: CostRange) -> CostRange:
        names = [item.name for item in fields(self)]
        return CostRange(**{name: getattr(self, name) + getattr(other, name) for name in names})

    def perhaps(self) -> CostRange:
        """The cost of what may turn out not to be needed."""
        highs = {item.name: getattr(self, item.name).high for item in fields(self)}
        return CostRange(**{name: Interval(high=high) for name, high in highs.items()})


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
    """

    key: str
    cost: CostRange
    basis: str
    alike: bool


def estimate(
    steps: Iterable[PlannedStage],
    stages: Known,
    history: PastStages,
    prices: Prices,
    machine: Machine,
) -> tuple[StageEstimate, ...]:
    """The cost of each step of a plan that runs a stage.

    One that only may run has a low end of nothing.

    Args:
        steps: the plan.
        stages: the stages of the graph by key.
        history: what was done before.
        prices: the price table.
        machine: where it will run.
    """
    found = []
    for step in steps:
        if step.key in stages and step.action in ("run", "maybe"):
            made = _estimate(stages[step.key], stages, history, prices, machine)
            if step.action == "maybe":
                made = replace(made, cost=made.cost.perhaps())
            found.append(made)
    return tuple(found)


def total(costs: Iterable[CostRange]) -> CostRange:
    """The sum of costs: low ends and high ends each by themselves."""
    return sum(costs, start=CostRange())


def spent(past: Past, prices: Prices) -> CostRange:
    """What a finished stage has cost, by its log."""
    cost = cost_of(past.stage.kind, past.log, prices)
    work = Work(
        seconds=exactly(cost.seconds),
        gpu=exactly(cost.gpu_seconds),
        tokens={what: exactly(float(count)) for what, count in cost.tokens.items()},
        examples=exactly(float(cost.examples)),
    )
    priced = _priced(past.stage, work, prices)
    # Each teacher's tokens have their own price, and a cached one another.
    return replace(priced, usd=exactly(cost.usd)) if past.log.teachers is not None else priced


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a stage takes, before prices: seconds, seconds on GPUs, tokens by use, examples."""

    seconds: Interval
    gpu: Interval
    tokens: Mapping[str, Interval]
    examples: Interval


def _priced(stage: Stage, work: Work, prices: Prices) -> CostRange:
    prompt, generated = work.tokens.get("prompt", ZERO), work.tokens.get("generated", ZERO)
    kind, seconds = stage.declaration, work.seconds
    usd = seconds.times(prices.machine_hour / 3600) + work.gpu.times(prices.gpu_hour / 3600)
    # Which of several models uses how much is not known.
    listed = [price for one in teachers_of(stage) if (price := prices.of(one)) is not None]
    if listed:
        usd = usd + prompt.times(*_span(price.prompt / 1e6 for price in listed))
        usd = usd + generated.times(*_span(price.generated / 1e6 for price in listed))
    return CostRange(
        examples=work.examples,
        prompt=prompt,
        generated=generated,
        trained=work.tokens.get("trained", ZERO),
        usd=usd,
        seconds=seconds,
        training=seconds if kind.work == "training" else ZERO,
        generation=seconds if kind.work == "generation" else ZERO,
        gpu=work.gpu,
    )


def _span(values: Iterable[float]) -> tuple[float, float]:
    listed = list(values)
    return min(listed), max(listed)


def teachers_of(stage: Stage) -> list[Component]:
    """The language models that a stage asks, else those that it names as its teachers."""
    teachers = []
    for _, component in stage.params.components():
        teachers += [part for part in component.walk() if part.slot == "teacher"]
    models = [teacher for teacher in teachers if not teacher.procedural]
    return models or teachers


# --- one stage ------------------------------------------------------------------------------------


def _estimate(
    stage: Stage, known: Known, history: PastStages, prices: Prices, machine: Machine
) -> StageEstimate:
    on_gpu = bool(machine.gpus) and stage.on_device
    # A stage without a device takes as long on any machine; an installed backend may name its own.
    elsewhere = "cpu" if on_gpu else "cuda"
    rows = [row for row in history.by_kind.get(stage.kind, []) if _device(row.past) != elsewhere]
    mine = like(stage, known)
    alike = [row for row in rows if row.like == mine]
    chosen, wide = (alike, 1.0) if alike else (rows, OTHER)
    seconds = _seconds(stage, size(stage, known), chosen, wide)
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
        examples=_examples(stage, known, pasts if alike else [], history.known),
    )
    return StageEstimate(
        key=stage.id,
        cost=_priced(stage, work, prices),
        alike=bool(alike),
        basis=_basis(stage, len(chosen), alike=bool(alike)),
    )


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


def _seconds(stage: Stage, amount: float, measured: Sequence[Measured], wide: float) -> Interval:
    if not measured:
        fixed, each = SECONDS.get(stage.kind, ANY)
        return Interval(low=fixed[0] + each[0] * amount, high=fixed[1] + each[1] * amount)
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
    if stage.kind != "check" or any(read.slot == "yield" for read in stage.inputs):
        return ZERO
    amount = units(stage, known)
    shares = []
    for past in pasts:
        if past.log.accepted is not None:
            shares.append(past.log.accepted / units(past.stage, before))
    low = min(shares) / widening(len(shares)) if shares else ACCEPTED
    return Interval(low=low * amount, high=amount)
