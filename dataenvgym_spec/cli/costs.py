"""What a plan will cost, for the commands that plan and run: from logs and prices to text."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final

import click

from dataenvgym_spec.cli.common import Project
from dataenvgym_spec.execute.hardware import Hardware
from dataenvgym_spec.graph.ir import Entry
from dataenvgym_spec.questions.cost.estimate import Estimator, Machine, StageEstimate
from dataenvgym_spec.questions.cost.limits import NAMES as LIMITS
from dataenvgym_spec.questions.cost.limits import Standing, number, standings, warn
from dataenvgym_spec.questions.cost.ranges import CostRange, Interval, total
from dataenvgym_spec.questions.cost.spending import Accounts, latest
from dataenvgym_spec.questions.plan import PlannedStage
from dataenvgym_spec.resolve.arms import Resolved
from dataenvgym_spec.results.prices import read_prices
from dataenvgym_spec.setup.hardware.reading import with_profile

NAMES: Final = {
    "examples": "examples",
    "prompt": "prompt tokens",
    "generated": "generated tokens",
    "trained": "trained tokens",
    "images": "images",
    "usd": "USD",
    "seconds": "time",
    "training": "training",
    "generation": "generation",
    "gpu": "GPU time",
}
"""The quantities of a cost, for people."""
# Programs rely on these names: the words for people may change, these may not.
KEYS: Final = {
    "examples": "examples",
    "prompt": "prompt_tokens",
    "generated": "generated_tokens",
    "trained": "trained_tokens",
    "images": "images",
    "usd": "usd",
    "seconds": "seconds",
    "training": "training_seconds",
    "generation": "generation_seconds",
    "gpu": "gpu_seconds",
}
"""The same for programs."""
TIMES: Final = frozenset({"seconds", "training", "generation", "gpu"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What an experiment has cost, what is still ahead, and how its limits stand."""

    stages: tuple[StageEstimate, ...]
    ahead: CostRange
    spent: CostRange
    limits: tuple[Standing, ...]

    @property
    def unpriced(self) -> tuple[str, ...]:
        """The services that are asked and whose prices are not known: none of it is for them."""
        return tuple(sorted(frozenset[str]().union(*(one.unpriced for one in self.stages))))

    def without(self, keys: Collection[str]) -> Bill:
        """The bill without what some stages will cost, which another experiment makes."""
        stages = tuple(one for one in self.stages if one.key not in keys)
        return replace(self, stages=stages, ahead=total(one.cost for one in stages))


def bills(project: Project, plans: Mapping[str, Sequence[PlannedStage]]) -> dict[str, Bill]:
    """What the plans of some experiments cost, by experiment. Reads logs and prices.

    Raises:
        SpecError: the price table is wrong.
    """
    prices = read_prices(project.layout.root)
    stages = project.compiled.graph.by_id()
    history = latest(project.layout, _kinds_that_run(plans))
    environ = with_profile(project.layout.root, os.environ)
    machine = Machine(gpus=Hardware.of(environ).gpus)
    estimator = Estimator(stages=stages, history=history, prices=prices, machine=machine)
    accounts = Accounts(project.layout, prices)
    result = {}
    for name, steps in plans.items():
        entry = project.entry(name)
        estimates = estimator.of(steps, entry.circumstances)
        ahead = total(one.cost for one in estimates)
        had = accounts.of(stages[step.key] for step in steps if _is_spent(step))
        standing = standings(limits_of(project.spec(name)), had, ahead)
        result[name] = Bill(stages=estimates, ahead=ahead, spent=had, limits=standing)
    return result


def _kinds_that_run(plans: Mapping[str, Sequence[PlannedStage]]) -> set[str]:
    """The kinds of stages whose cost is to be estimated."""
    steps = chain.from_iterable(plans.values())
    return {step.kind for step in steps if step.use and step.action in ("run", "maybe")}


def _is_spent(step: PlannedStage) -> bool:
    """Whether what a stage has cost counts as spent.

    One that runs again writes a new log: the old one does not count besides what it will cost.
    """
    return step.use is not None and step.action not in ("run", "pass")


def limits_of(spec: Resolved) -> dict[str, float]:
    """The limits of a spec that are set."""
    limits = spec.base.limits
    values = {name: getattr(limits, name, None) for name in LIMITS}
    return {name: float(value) for name, value in values.items() if value is not None}


def together(costs: Mapping[str, Bill]) -> Bill:
    """One bill for some experiments: what lies ahead of all, each stage once."""
    every = [one for bill in costs.values() for one in bill.stages]
    stages = tuple({one.key: one for one in every}.values())
    ahead = total(one.cost for one in stages)
    return Bill(stages=stages, ahead=ahead, spent=total(()), limits=())


def print_warnings(project: Project, item: Entry, bill: Bill) -> None:
    """Warns of limits that the plan may pass."""
    spec = project.spec(item.name)
    for warning in warn(spec.node, bill.limits):
        click.echo(spec.family.annotate(warning).render(), err=True)


def lines(bill: Bill) -> list[str]:
    """What lies ahead as a short table; nothing if nothing runs."""
    if not bill.stages:
        return []
    shown = [f"  estimated cost, low to high ({_basis(bill.stages)}):"]
    for name, text in NAMES.items():
        amount: Interval = getattr(bill.ahead, name)
        if amount.high:
            span = _span(amount, duration if name in TIMES else number)
            shown.append(f"    {text:18} {span}")
    if bill.unpriced and (bill.ahead.usd.high or any(one.name == "usd" for one in bill.limits)):
        shown.append(f"    {'without price':18} {', '.join(bill.unpriced)}")
    return shown


def _basis(stages: Sequence[StageEstimate]) -> str:
    measured = sum(one.alike for one in stages)
    if measured:
        return f"from logs of like stages for {measured} of {len(stages)}"
    return "no like stage was run here yet, so wide"


def _span(amount: Interval, shown: Callable[[float], str]) -> str:
    low, high = shown(amount.low), shown(amount.high)
    return low if low == high else f"{low} to {high}"


def duration(seconds: float) -> str:
    """Seconds in the unit that fits.

    >>> duration(42), duration(600), duration(7200)
    ('42 s', '10 min', '2 h')
    """
    size, unit = 3600, "h"
    if seconds < 120:
        size, unit = 1, "s"
    elif seconds < 7200:
        size, unit = 60, "min"
    return f"{number(round(seconds / size, 1))} {unit}"


def records(bill: Bill) -> dict[str, dict[str, Any]]:
    """For programs: the cost of each stage that runs, by key."""
    return {one.key: {"basis": one.basis, **record(one.cost)} for one in bill.stages}


def record(cost: CostRange) -> dict[str, list[float]]:
    """A cost for programs: `[low, high]` of each quantity; times in seconds."""
    return {key: _pair(getattr(cost, name)) for name, key in KEYS.items()}


def summary(bill: Bill) -> dict[str, Any]:
    """For programs: what is spent, what lies ahead, and the limits."""
    limits = [_limit_record(limit) for limit in bill.limits]
    costs = {"spent": record(bill.spent), "ahead": record(bill.ahead), "limits": limits}
    return {**costs, "without_price": list(bill.unpriced)}


def _limit_record(limit: Standing) -> dict[str, Any]:
    return {
        "name": limit.name,
        "limit": limit.limit,
        "spent": limit.spent,
        "ahead": _pair(limit.ahead),
    }


def _pair(amount: Interval) -> list[float]:
    return [_rounded(amount.low), _rounded(amount.high)]


def _rounded(value: float) -> float:
    """A number with six digits; more would be noise."""
    return float(f"{value:.6g}")
