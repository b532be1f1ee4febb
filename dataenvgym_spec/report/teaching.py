"""What the report says of teaching, as rows for programs: trees, amounts, yields and the ledger.

`report.tables` makes tables for people of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dataenvgym_spec.records.skills import SkillTree, Subskill
from dataenvgym_spec.results.accounts import TurnAccount, cost_record
from dataenvgym_spec.results.fates import IterationFates
from dataenvgym_spec.results.ledger import Cost
from dataenvgym_spec.results.noise import UNKNOWN
from dataenvgym_spec.results.teachings import Allocations, GrownTree, TreeTurn

Row = dict[str, Any]


def tree_rows(trees: Sequence[GrownTree]) -> list[Row]:
    """One row a skill and iteration, each with its subskills."""
    rows = []
    for grown in trees:
        for turn in grown.turns:
            for skill, tree in turn.trees.items():
                place = {"arm": grown.arm, "seed": grown.seed, "iteration": turn.iteration}
                rows.append({**place, "skill": skill, **_tree(skill, tree, turn)})
    return rows


def _tree(skill: str, tree: SkillTree, turn: TreeTurn) -> Row:
    subskills = [_subskill(skill, subskill, turn) for subskill in tree.subskills]
    row: Row = {"subskills": subskills}
    for amount in ("allocation", "asked", "accepted", "requested"):
        row[amount] = sum(subskill[amount] for subskill in subskills)
    if tree.score is not None:
        low, high = tree.interval or tree.score.interval
        row |= {"accuracy": tree.score.accuracy, "items": tree.score.items}
        row |= {"ci_low": low, "ci_high": high}
    row["reward"] = tree.reward
    if tree.reward is not None:
        row["noise_floor"] = UNKNOWN
    row["move"] = None if tree.move is None else tree.move.plain()
    return {**row, "cut": tree.cut, "missing": tree.missing}


def _subskill(skill: str, subskill: Subskill, turn: TreeTurn) -> Row:
    return {
        "subskill": subskill.name,
        "added": subskill.added,
        "allocation": subskill.allocation,
        "asked": subskill.asked,
        "accepted": turn.accepted.get((skill, subskill.name), 0),
        "requested": subskill.requested,
    }


def allocation_rows(allocations: Sequence[Allocations]) -> list[Row]:
    """One row a skill or subskill and iteration; a mean over runs."""
    rows = []
    for allocation in allocations:
        for row in allocation.rows:
            for iteration, amounts in zip(allocation.iterations, row.amounts, strict=True):
                if amounts is None:
                    continue
                about = {"skill": row.skill, "subskill": row.subskill}
                numbers = {
                    "requests": amounts.requests,
                    "asked": amounts.asked,
                    "accepted": amounts.accepted,
                }
                rows.append({"arm": allocation.arm, "iteration": iteration, **about, **numbers})
    return rows


def yield_rows(yields: Sequence[IterationFates]) -> list[Row]:
    """One row an arm and iteration: the funnel from what was asked for to what was accepted."""
    return [_yield(item) for item in yields]


def _yield(item: IterationFates) -> Row:
    fates, noted = item.fates, dict(item.noted)
    rejected = dict(fates.rejected)
    steps = []
    for check, left in zip(item.checks, fates.left(item.checks), strict=True):
        step = {"check": check, "left": left, "rejected": rejected.get(check, 0)}
        steps.append({**step, "noted": noted.get(check, 0)})
    return {
        "arm": item.arm,
        "iteration": item.iteration,
        "requested": fates.requested,
        "candidates": fates.candidates,
        "surplus": fates.surplus,
        "judged": fates.judged,
        "checks": steps,
        "accepted": fates.accepted,
    }


def ledger_rows(accounts: Sequence[TurnAccount]) -> list[Row]:
    """One row an arm and iteration; `arm` is None for what several arms share."""
    return list(map(_account, accounts))


def _account(account: TurnAccount) -> Row:
    place = {"arm": account.arm, "iteration": account.iteration}
    made = {"calls": dict(account.made)} if account.made else {}
    return {**place, **cost_record(account.cost), **made}


def total_row(accounts: Sequence[TurnAccount]) -> Row:
    """What all of them took."""
    total = sum((account.cost for account in accounts), start=Cost())
    return cost_record(total)
