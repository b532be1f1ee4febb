"""An engine that gives what there is has as much of it as is to be taught."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dataenvgym_spec.compile.rules.supply import Supply, of_engine, supply
from dataenvgym_spec.compile.rules.teaching import rejects_repeats
from dataenvgym_spec.core.errors import Diagnostic, suggest
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.resolve.arms import Arm


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stock:
    """How much an engine has, in words, and what to do if it is too little."""

    amount: int
    where: str
    remedy: str


def check(arm: Arm) -> Iterator[Diagnostic]:
    """More examples than the pool has items or a file has rows, and skills without any row."""
    record = arm.experiment
    declared = definition("engine", record.agent.engine["kind"])
    if record.data_from is not None or not declared.selects:
        return
    rows = of_engine(arm)
    stock = _of_pool(arm) if rows is None else _of_file(rows)
    each, iterations = record.loop.teach.examples, record.loop.iterations
    # What was taught once is rejected, or comes again in the next iteration.
    wanted = each * iterations if rejects_repeats(arm) else each
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
