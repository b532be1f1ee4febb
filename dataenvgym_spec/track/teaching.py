"""Skill trees, yields and the ledger of one iteration, as metrics and artifacts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from dataenvgym_spec.core.foreign import markdown_text
from dataenvgym_spec.records.files import json_text
from dataenvgym_spec.records.skills import Exploit, Explore, SkillTree
from dataenvgym_spec.results.accounts import cost_record
from dataenvgym_spec.results.fates import fates_of, in_order
from dataenvgym_spec.results.ledger import Ledger
from dataenvgym_spec.results.run import Iteration
from dataenvgym_spec.results.teachings import last_tree
from dataenvgym_spec.results.wording import REWARDS
from dataenvgym_spec.track.naming import RULE, slug
from dataenvgym_spec.track.runs import Artifact, Value, text

HEAD: Final = (
    *("skill", "subskill", "allocation", "asked for", "asked in all"),
    *("right", "reward", "last move"),
)
AMOUNTS: Final = ("allocation", "asked", "requested")
"""The amounts of a subskill, in the order of the table."""


def tree_values(turn: Iteration, ledger: Ledger) -> Iterator[Value]:
    """The subskills and the reward of each skill, and what its state rests on."""
    trees, when = last_tree(turn), ledger.all_ended(turn.of("plan"))
    if trees is None or when is None:
        return
    for skill, tree in sorted(trees.items()):
        name = slug(skill)
        yield f"teaching/subskills/{name}", len(tree.subskills), when
        if tree.reward is not None:
            yield f"teaching/reward/{name}", tree.reward, when
        if tree.score is not None:
            yield f"teaching/items_seen/{name}", tree.score.items, when


def yield_values(turn: Iteration, ledger: Ledger, checks: Iterable[str]) -> Iterator[Value]:
    """How many candidates were left after each check, once all rounds are checked."""
    when = ledger.all_ended(turn.of("check"))
    if when is None:
        return
    fates = fates_of([turn])
    yield "yield/requested", fates.requested, when
    yield "yield/candidates", fates.candidates, when
    yield "yield/judged", fates.judged, when
    ordered = in_order({*checks, *(check for check, _ in fates.rejected)})
    for check, left in zip(ordered, fates.left(ordered), strict=True):
        yield f"yield/after/{slug(check)}", left, when
    yield "yield/accepted", fates.accepted, when


def artifacts(turn: Iteration, ledger: Ledger) -> Iterator[Artifact]:
    """The tree after the plans of an iteration, and what its stages took once all are done."""
    trees = last_tree(turn)
    if trees is not None:
        plain = {skill: tree.plain() for skill, tree in trees.items()}
        yield text("plan/tree.json", json_text(plain))
        yield text("plan/tree.md", _tree_table(trees))
    if turn.stages and turn.done:
        yield text("ledger/ledger.json", json_text(_ledger(turn, ledger)))


def _ledger(turn: Iteration, ledger: Ledger) -> dict[str, Any]:
    """What the stages of an iteration took, in all and by kind."""
    kinds: dict[str, Any] = {}
    for stage in turn.stages:
        kinds[stage.kind] = cost_record(ledger.cost(turn.of(stage.kind)))
    calls: Counter[str] = Counter()
    for stage in turn.stages:
        calls.update(ledger.logs[stage.key].made or {})
    total = cost_record(ledger.cost(turn.stages))
    return {"all": total, "calls": dict(calls), "kinds": kinds}


def _tree_table(trees: Mapping[str, SkillTree]) -> str:
    """The trees for people, each skill above its subskills."""
    lines = [_row(*HEAD), RULE * len(HEAD) + "|"]
    for skill, tree in trees.items():
        right = "" if tree.score is None else f"{tree.score.accuracy:.3f} of {tree.score.items}"
        reward = "" if tree.reward is None else f"{tree.reward:+.3f}"
        amounts = [sum(getattr(one, name) for one in tree.subskills) for name in AMOUNTS]
        lines.append(_row(skill, "", *amounts, right, reward, _move(tree)))
        for one in tree.subskills:
            lines.append(_row("", one.name, *(getattr(one, name) for name in AMOUNTS), "", "", ""))
    if any(tree.reward is not None for tree in trees.values()):
        lines += ["", REWARDS]
    return "\n".join(lines) + "\n"


def _row(*cells: object) -> str:
    shown = [markdown_text(str(one)) for one in cells]
    return f"| {' | '.join(shown)} |"


def _move(tree: SkillTree) -> str:
    if isinstance(tree.move, Explore):
        return f"explore {tree.move.count}, {tree.move.allocation} each"
    if isinstance(tree.move, Exploit):
        changes = [f"{name} {number:+d}" for name, number in tree.move.delta.items()]
        return f"exploit {', '.join(changes)}".rstrip()
    return ""
