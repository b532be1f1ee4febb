"""What takes from what there is, an engine or a policy, has as much of it as it needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dataenvgym_spec.compile.rules.supply import Supply, of_engine, supply
from dataenvgym_spec.compile.rules.teaching import rejects_repeats
from dataenvgym_spec.core.errors import Diagnostic, suggest
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.places import named
from dataenvgym_spec.resolve.arms import Arm


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stock:
    """How much there is, in words, and what to do if it is too little."""

    amount: int
    where: str
    remedy: str


def check(arm: Arm) -> Iterator[Diagnostic]:
    """More examples than the pool has items or a file has rows, and skills without any row."""
    if arm.experiment.data_from is not None:
        return
    faults = [*_of_engine(arm)] or [*_chosen(arm)]
    yield from faults
    yield from _shown(arm)


def _chosen(arm: Arm) -> Iterator[Diagnostic]:
    """A policy that chooses among the pool has chosen all of it before the loop ends."""
    record = arm.experiment
    declared = definition("policy", record.agent.policy["kind"])
    stock = _of_pool(arm) if declared.reads == "pool-results" else None
    # What was chosen once is not chosen again, whatever the engine makes of it.
    wanted = record.loop.teach.examples * record.loop.iterations
    if stock is None or wanted <= stock.amount:
        return
    message = f"the policy '{declared.kind}' is to choose {wanted} items in"
    message += f" {record.loop.iterations} iterations, none of them twice, and {stock.where}"
    node = arm.node.at(("loop", "teach", "examples"))
    yield node.fault("E202", message, f"teach fewer, or {stock.remedy}")


def _shown(arm: Arm) -> Iterator[Diagnostic]:
    """A policy that shows more items of the pool at once than it has (`x-pool-items`)."""
    policy = arm.experiment.agent.policy
    declared = definition("policy", policy["kind"])
    for option in declared.marked("x-pool-items"):
        stock = _of_pool(arm)
        for _, count in named(policy, option):
            if stock is not None and count > stock.amount:
                message = f"the policy '{declared.kind}' is to show {count} items at once"
                help = f"show fewer, or {stock.remedy}"
                node = arm.node.at(("agent", "policy", *option))
                yield node.fault("E202", f"{message}, and {stock.where}", help)


def _of_engine(arm: Arm) -> Iterator[Diagnostic]:
    record = arm.experiment
    declared = definition("engine", record.agent.engine["kind"])
    if not declared.selects:
        return
    rows = of_engine(arm)
    stock = _of_pool(arm) if rows is None else _of_file(rows)
    each, iterations = record.loop.teach.examples, record.loop.iterations
    # What was taught once is rejected or left out, or comes again in the next iteration.
    once = rejects_repeats(arm) or declared.recalls
    wanted = each * iterations if once else each
    if stock is not None and wanted > stock.amount:
        message = f"the engine '{declared.kind}' is to give {wanted} examples"
        if wanted > each:
            message += f" in {iterations} iterations, none of them twice"
        message += f", and {stock.where}"
        help = f"teach fewer, or {stock.remedy}"
        yield arm.node.at(("loop", "teach", "examples")).fault("E202", message, help)
    if rows is not None:
        yield from _without_rows(arm, rows)


def _of_file(rows: Supply) -> _Stock | None:
    if rows.file is None or rows.file.rows is None:
        return None
    amount = rows.file.rows
    where = f"'{rows.file.path}' has {amount} rows"
    return _Stock(amount=amount, where=where, remedy="name a larger file")


def _of_pool(arm: Arm) -> _Stock | None:
    """How many items the pool has at most; None if that is not known, or there is no pool."""
    pool = arm.experiment.task.splits.pool
    source = None if pool is None else supply(arm, pool.from_)
    if pool is None or source is None:
        return None
    amount, remedy = None, "draw a larger pool"
    if isinstance(pool.draw, str):
        amount, remedy = None if source.file is None else source.file.rows, "name a larger source"
    elif pool.draw.items is not None:
        amount = pool.draw.items
    elif pool.draw.per_group is not None and source.sizes:
        amount = pool.draw.per_group * len(source.sizes)
    if amount is None:
        return None
    return _Stock(amount=amount, where=f"the pool has at most {amount} items", remedy=remedy)


def _without_rows(arm: Arm, rows: Supply) -> Iterator[Diagnostic]:
    """A skill of the source that no row is of, where rows name skills."""
    skills = arm.experiment.skills
    source = supply(arm, arm.experiment.task.splits.feedback.from_)
    if skills is None or source is None or not rows.sizes or rows.file is None:
        return
    if definition("discovery", skills.discover["kind"]).skills != "groups":
        return
    for skill in sorted(set(source.sizes) - set(rows.sizes)):
        message = f"no row of '{rows.file.path}' is of the skill '{skill}' of '{source.name}'"
        help = f"call skills as the groups are; {suggest(skill, rows.sizes)}"
        option = rows.columns["group"].option
        yield arm.node.at((*rows.place, *option)).fault("E202", message, help)
        return
