"""What a plan will cost, for the commands that plan and run: reads logs and prices, and makes the text."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click

from dataenvgym_spec.cli.common import Project
from dataenvgym_spec.execute.training.launch import Hardware
from dataenvgym_spec.graph.ir import Entry
from dataenvgym_spec.questions.cost.estimate import (
    Cost,
    Estimate,
    Interval,
    Machine,
    estimate,
    spent,
    total,
)
from dataenvgym_spec.questions.cost.limits import Standing, number, standings, warn
from dataenvgym_spec.questions.cost.prices import read_prices
from dataenvgym_spec.questions.cost.spending import latest, of
from dataenvgym_spec.questions.plan import Step
from dataenvgym_spec.resolve.arms import Resolved

NAMES: Final = {
    "examples": "examples", "prompt": "prompt tokens", "generated": "generated tokens", "trained": "trained tokens",
    "usd": "USD", "seconds": "time", "training": "training", "generation": "generation", "gpu": "GPU time",
}  # fmt: skip
TIMES: Final = frozenset({"seconds", "training", "generation", "gpu"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What an experiment has cost, what is still ahead, and how its limits stand."""

    stages: tuple[Estimate, ...]
    ahead: Cost
    spent: Cost
    limits: tuple[Standing, ...]


def bills(project: Project, plans: Mapping[str, Sequence[Step]]) -> dict[str, Bill]:
    """What the plans of some experiments cost, by experiment. Reads logs and prices.

    Raises:
        SpecError: the price table is wrong.
    """
    prices = read_prices(project.layout.root)
    known = project.compiled.graph.by_id()
    kinds = {
        step.kind
        for steps in plans.values()
        for step in steps
        if step.action in ("run", "maybe") and step.key in known
    }
    before = latest(project.layout, kinds)
    machine = Machine(gpus=Hardware.of(os.environ).gpus)
    found = {}
    for name, steps in plans.items():
        stages = estimate(steps, known, before, prices, machine)
        ahead = total(one.cost for one in stages)
        # A stage that runs again makes its log anew: what lies there is not counted beside what it will cost.
        done = of(
            project.layout,
            [
                step.directory
                for step in steps
                if step.key in known and step.action not in ("run", "pass")
            ],
        )
        had = total(spent(past, prices) for past in done.pasts)
        limits = limits_of(spec_of(project, project.entry(name)))
        found[name] = Bill(
            stages=stages, ahead=ahead, spent=had, limits=standings(limits, had, ahead)
        )
    return found


def spec_of(project: Project, item: Entry) -> Resolved:
    """The resolved spec of an entry."""
    return next(spec for spec in project.compiled.specs if spec.base.name == item.name)


def limits_of(spec: Resolved) -> dict[str, float]:
    """The limits of a spec that are set."""
    limits = spec.base.limits
    return {
        name: float(value)
        for name in ("usd", "hours", "gpu_hours", "tokens")
        if (value := getattr(limits, name, None)) is not None
    }


def tell(project: Project, item: Entry, found: Bill, *, table: bool) -> None:
    """Warns of limits that the plan may pass; with `table`, prints what it costs."""
    for line in lines(found) if table else ():
        click.echo(line)
    spec = spec_of(project, item)
    for warning in warn(spec.node, found.limits):
        click.echo(spec.family.annotate(warning).render(), err=True)


def lines(found: Bill) -> list[str]:
    """What lies ahead as a short table; nothing if nothing runs."""
    if not found.stages:
        return []
    rows = [(text, getattr(found.ahead, name), name in TIMES) for name, text in NAMES.items()]
    shown = [
        f"    {text:18} {_span(amount, duration if is_time else number)}"
        for text, amount, is_time in rows
        if amount.high
    ]
    return [f"  estimated cost, low to high ({_basis(found.stages)}):", *shown]


def _basis(stages: Sequence[Estimate]) -> str:
    measured = sum(one.basis.endswith("of like stages") for one in stages)
    return (
        f"from logs of like stages for {measured} of {len(stages)}"
        if measured
        else "no like stage was run here yet, so wide"
    )


def _span(amount: Interval, shown: Any) -> str:
    low, high = shown(amount.low), shown(amount.high)
    return low if low == high else f"{low} to {high}"


def duration(seconds: float) -> str:
    """Seconds in the unit that fits.

    >>> duration(42), duration(600), duration(7200)
    ('42 s', '10 min', '2 h')
    """
    size, unit = (1, "s") if seconds < 120 else (60, "min") if seconds < 7200 else (3600, "h")
    return f"{number(round(seconds / size, 1))} {unit}"


def records(found: Bill) -> dict[str, dict[str, Any]]:
    """For programs: the cost of each stage that runs, by key."""
    return {one.key: {"basis": one.basis, **record(one.cost)} for one in found.stages}


def record(cost: Cost) -> dict[str, list[float]]:
    """A cost for programs: `[low, high]` of each quantity; times in seconds."""
    names = {
        **NAMES,
        "seconds": "seconds",
        "training": "training_seconds",
        "generation": "generation_seconds",
        "gpu": "gpu_seconds",
    }
    return {
        text.replace(" ", "_").lower(): _pair(getattr(cost, name)) for name, text in names.items()
    }


def summary(found: Bill) -> dict[str, Any]:
    """For programs: what is spent, what lies ahead, and the limits."""
    limits = [
        {"name": one.name, "limit": one.limit, "spent": one.spent, "ahead": _pair(one.ahead)}
        for one in found.limits
    ]
    return {"spent": record(found.spent), "ahead": record(found.ahead), "limits": limits}


def _pair(amount: Interval) -> list[float]:
    return [float(f"{amount.low:.6g}"), float(f"{amount.high:.6g}")]
