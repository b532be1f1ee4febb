"""The ledger: when stages ran and what they cost, from their logs.

The only place that adds costs up.

What is still to come is in `questions.cost`, and what teaching cost up to a student in `teaching`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Final, TypeVar

from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.records.logs import Log, TeacherUse
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.prices import Prices, read_prices
from dataenvgym_spec.results.stage import StageResult

Number = TypeVar("Number", int, float)

TOKENS: Final = ("prompt", "generated", "trained")


def _no_tokens() -> dict[str, int]:
    return dict.fromkeys(TOKENS, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What some stages took; each stage counts once.

    Attributes:
        stages: how many they are.
        examples: accepted examples.
        amount: what they worked on, in the unit of their kind.
        tokens: by what was done with them; `cached` are among those of prompts, and `reused` are
            of responses that another stage has paid for.
        seconds: of work, by the clock of one executor.
        gpu_seconds: seconds on GPUs, times the GPUs in use.
        phases: seconds by phase.
        images: that painters' services were paid for.
        usd: US dollars for the machine, for tokens of teachers and for images, by the table of
            prices.
        requests: that were made to teachers, those that were made again after a failure included.
        retries: how many those are.
        finishes: responses of teachers by how they ended, reused ones included.
        reused: responses that another stage has paid for.
        requested: examples that were asked for.
        candidates: examples that were made.
        rejected: of these, by the check that rejected them, or surplus.
    """

    stages: int = 0
    examples: int = 0
    amount: int = 0
    tokens: Mapping[str, int] = field(default_factory=_no_tokens)
    seconds: float = 0.0
    gpu_seconds: float = 0.0
    phases: Mapping[str, float] = field(default_factory=dict)
    images: int = 0
    usd: float = 0.0
    requests: int = 0
    retries: int = 0
    finishes: Mapping[str, int] = field(default_factory=dict)
    reused: int = 0
    requested: int = 0
    candidates: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)

    @property
    def all_tokens(self) -> int:
        """Tokens that were read, written or trained on, each once: cached ones are of prompts."""
        return sum(self.tokens.get(name, 0) for name in TOKENS)

    def __add__(self, other: Cost) -> Cost:
        sums: dict[str, Any] = {}
        for item in fields(self):
            mine, theirs = getattr(self, item.name), getattr(other, item.name)
            together = _added(mine, theirs) if isinstance(mine, Mapping) else mine + theirs
            sums[item.name] = together
        return Cost(**sums)


def _added(first: Mapping[str, Number], second: Mapping[str, Number]) -> dict[str, Number]:
    sums = dict(first)
    for name, value in second.items():
        sums[name] = sums[name] + value if name in sums else value
    return sums


def cost_of(kind: str, log: Log, prices: Prices) -> Cost:
    """What one stage took, by its log."""
    total = log.seconds.get("total", 0.0)
    named = {phase: value for phase, value in log.seconds.items() if phase != "total"}
    rest = max(0.0, total - sum(named.values()))
    gpu_seconds = total * _gpus(log)
    # A check has candidates as well, those of a generation that counts them.
    made = log.candidates if log.requested is not None else None
    cost = Cost(
        stages=1,
        examples=log.accepted or 0,
        amount=_amount(kind, log),
        tokens=_added(_no_tokens(), log.tokens or {}),
        seconds=total,
        gpu_seconds=gpu_seconds,
        phases={**named, "other": rest},
        usd=prices.time(total, gpu_seconds) + prices.asked(log),
        requested=log.requested or 0,
        candidates=made or 0,
        rejected=log.rejected or {},
    )
    return sum(map(_of_teacher, (log.teachers or {}).values()), start=cost)


def _of_teacher(used: TeacherUse) -> Cost:
    """What was asked of one teacher, besides the tokens that its stage has among its own."""
    tokens = _no_tokens()
    if used.tokens.get("cached"):
        tokens["cached"] = used.tokens["cached"]
    if used.reused:
        shared = used.reused_tokens
        tokens["reused"] = shared.get("prompt", 0) + shared.get("generated", 0)
    return Cost(
        tokens=tokens,
        images=sum((used.images or {}).values()),
        requests=used.requests,
        retries=used.retries,
        finishes=used.finishes,
        reused=used.reused,
    )


def _amount(kind: str, log: Log) -> int:
    """What a stage worked on, for each of the students that it evaluated."""
    row = KINDS.get(kind)
    fact = None if row is None else row.amount
    worked_on: int | None = getattr(log, fact) if fact is not None else None
    students = 1 if log.students is None else log.students
    return (worked_on or 0) * students


def _gpus(log: Log) -> int:
    """How many GPUs a stage used: one a process of training, or all that a model was split over."""
    if not (log.device or "cpu").startswith("cuda"):
        return 0
    return log.processes or log.gpus or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The cost of some stages under a name, such as a kind or an arm."""

    name: str
    cost: Cost


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The stages of an experiment with the logs of those that are done.

    Attributes:
        arms: the experiment's arms.
        stages: by key, in topological order.
        logs: by key.
        prices: what they cost.
    """

    arms: tuple[str, ...]
    stages: Mapping[str, StageResult]
    logs: Mapping[str, Log]
    prices: Prices

    def started(self, stage: StageResult) -> int | None:
        """When a stage began, in ms since the epoch; None if it is not done."""
        log = self.logs.get(stage.key)
        return None if log is None else round(log.started * 1000)

    def ended(self, stage: StageResult) -> int | None:
        """When a stage ended, in ms since the epoch; None if it is not done."""
        log = self.logs.get(stage.key)
        return None if log is None else round(log.ended * 1000)

    def all_ended(self, stages: Iterable[StageResult]) -> int | None:
        """When the last of some stages ended, in ms; None if there are none or one is not done."""
        latest: int | None = None
        for stage in stages:
            ended = self.ended(stage)
            if ended is None:
                return None
            latest = ended if latest is None else max(latest, ended)
        return latest

    def cost(self, stages: Iterable[StageResult]) -> Cost:
        """The sum over those of some stages that are done."""
        total = Cost()
        for stage in stages:
            log = self.logs.get(stage.key)
            if log is not None:
                total += cost_of(stage.kind, log, self.prices)
        return total

    @cached_property
    def worked(self) -> tuple[StageResult, ...]:
        """The stages that are done and did work of their own."""
        return tuple(self.stages[key] for key, log in self.logs.items() if not log.passed)

    @cached_property
    def kinds(self) -> tuple[Account, ...]:
        """One account per kind that there is, in the order of the pipeline."""
        accounts = []
        for kind in KINDS:
            stages = [stage for stage in self.worked if stage.kind == kind]
            if stages:
                accounts.append(Account(name=kind, cost=self.cost(stages)))
        return tuple(accounts)

    @cached_property
    def by_arm(self) -> tuple[Account, ...]:
        """One account per arm, of the stages that only this arm uses."""
        accounts = []
        for arm in self.arms:
            stages = [stage for stage in self.worked if _arms(stage) == {arm}]
            accounts.append(Account(name=arm, cost=self.cost(stages)))
        return tuple(accounts)

    @cached_property
    def shared(self) -> Account:
        """The stages that several arms use."""
        stages = [stage for stage in self.worked if len(_arms(stage)) > 1]
        return Account(name="shared by arms", cost=self.cost(stages))

    @cached_property
    def total(self) -> Account:
        """All stages."""
        return Account(name="all", cost=self.cost(self.worked))

    @property
    def first_start(self) -> float:
        """When the first stage began, in seconds since the epoch."""
        return min((self.logs[stage.key].started for stage in self.worked), default=0.0)

    @property
    def last_end(self) -> float:
        """When the last stage ended, in seconds since the epoch."""
        return max((self.logs[stage.key].ended for stage in self.worked), default=0.0)


def _arms(stage: StageResult) -> set[str]:
    return {use.arm for use in stage.uses}


def read_ledger(results: Results) -> Ledger:
    """Reads the logs of an experiment, each once, and the table of prices.

    Raises:
        SpecError: the table is wrong.
    """
    logs = {}
    for stage in results.stages:
        log = stage.log
        if log is not None:
            logs[stage.key] = log
    stages = {stage.key: stage for stage in results.stages}
    prices = read_prices(results.layout.root)
    return Ledger(arms=results.index.arms, stages=stages, logs=logs, prices=prices)
