"""What agents asked for and got: amounts by request and iteration, and skill trees as they grew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from msgspec import structs

from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.plans import Plan
from dataenvgym_spec.records.skills import SkillTree
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.run import Iteration, Run

About = tuple[str, str | None]
"""What a request is about: a skill, and a subskill where there are any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """What requests about one thing came to in one iteration; a mean over runs.

    Attributes:
        requests: how many there were.
        asked: examples that they asked for.
        accepted: examples that came of them.
    """

    requests: float
    asked: float
    accepted: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationRow:
    """What an arm got about one thing.

    Attributes:
        amounts: by iteration; None where there was no request about it.
    """

    skill: str
    subskill: str | None
    amounts: tuple[Amounts | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocations:
    """What one arm asked for and got, a mean over its runs.

    Attributes:
        iterations: the numbers of the columns.
        rows: in the order in which they were first asked for.
    """

    arm: str
    iterations: tuple[int, ...]
    rows: tuple[AllocationRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeTurn:
    """The skill trees after the plans of one iteration.

    Attributes:
        trees: by skill, in order.
        accepted: examples that came of the iteration, by skill and subskill.
    """

    iteration: int
    trees: Mapping[str, SkillTree]
    accepted: Mapping[About, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class GrownTree:
    """How the skill trees of one run grew."""

    arm: str
    seed: int
    turns: tuple[TreeTurn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a plan of one run asked for what it did, in the agent's words."""

    arm: str
    seed: int
    iteration: int
    skill: str
    asked: int
    reason: str


def reasons(results: Results) -> tuple[Reason, ...]:
    """The reasons of the plans of the first run of each arm."""
    found = []
    for arm in results.index.arms:
        run = results.of_arm(arm)[0]
        for turn in run.iterations[1 : 1 + run.reached]:
            for plan in turn.plans:
                for skill, reason in plan.reasons.items():
                    row = Reason(
                        arm=arm,
                        seed=run.seed,
                        iteration=turn.number,
                        skill=skill,
                        asked=plan.allocation.get(skill, 0),
                        reason=reason,
                    )
                    found.append(row)
    return tuple(found)


def allocations(results: Results) -> tuple[Allocations, ...]:
    """What every arm with an agent at work asked for and got."""
    found = []
    for arm in results.index.arms:
        turns: dict[int, list[dict[About, Amounts]]] = {}
        for run in results.of_arm(arm):
            for turn in run.iterations[1 : 1 + run.reached]:
                turns.setdefault(turn.number, []).append(_amounts(turn))
        rows = tuple(_rows([turns[number] for number in sorted(turns)]))
        if rows:
            found.append(Allocations(arm=arm, iterations=tuple(sorted(turns)), rows=rows))
    return tuple(found)


def grown_trees(results: Results) -> tuple[GrownTree, ...]:
    """How the skill trees of the first run of each arm grew, where it has any."""
    found = []
    for arm in results.index.arms:
        run = results.of_arm(arm)[0]
        turns = tuple(_tree_turns(run))
        if turns:
            found.append(GrownTree(arm=arm, seed=run.seed, turns=turns))
    return tuple(found)


def last_tree(turn: Iteration) -> Mapping[str, SkillTree] | None:
    """The skill trees after the plans of an iteration; None if there are none.

    Of several plans for one student only the first measures rewards: they are entered in the last.
    """
    trees = [plan.tree for plan in turn.plans if plan.tree is not None]
    if not trees:
        return None
    rewards: dict[str, float] = {}
    for skill, tree in (pair for one in trees for pair in one.items()):
        if tree.reward is not None:
            rewards[skill] = tree.reward
    last = {}
    for skill, tree in trees[-1].items():
        last[skill] = structs.replace(tree, reward=rewards.get(skill))
    return last


def _tree_turns(run: Run) -> Iterator[TreeTurn]:
    for turn in run.iterations[1 : 1 + run.reached]:
        trees = last_tree(turn)
        if trees is not None:
            yield TreeTurn(iteration=turn.number, trees=trees, accepted=_accepted(turn))


def _accepted(turn: Iteration) -> Counter[About]:
    counts: Counter[About] = Counter()
    for check in turn.of("check"):
        rows = check.each("accepted", "examples.jsonl", Example)
        counts.update((example.skill, example.subskill) for example in rows)
    return counts


def _accepted_by_skill(turn: Iteration) -> Counter[About]:
    counts: Counter[About] = Counter()
    for skill, fates in turn.tally.items():
        if fates.get("accepted"):
            counts[skill, None] = fates["accepted"]
    return counts


def _amounts(turn: Iteration) -> dict[About, Amounts]:
    """The amounts of one iteration of one run, in the order of its requests."""
    asked, requests = _asked(turn.plans)
    # The tally of the checks knows skills; only subskills have to be looked up in the examples.
    deep = any(subskill is not None for _, subskill in asked)
    accepted = _accepted(turn) if deep else _accepted_by_skill(turn)
    amounts = {}
    for about in (*asked, *(other for other in accepted if other not in asked)):
        amounts[about] = Amounts(
            requests=requests[about], asked=asked[about], accepted=accepted[about]
        )
    return amounts


def _asked(plans: Iterable[Plan]) -> tuple[Counter[About], Counter[About]]:
    """Examples and requests by what they are about."""
    examples: Counter[About] = Counter()
    requests: Counter[About] = Counter()
    for plan in plans:
        for request in plan.asked():
            about = (request.skill, request.subskill)
            examples[about] += request.count
            requests[about] += 1
    return examples, requests


def _rows(turns: Sequence[Sequence[Mapping[About, Amounts]]]) -> Iterator[AllocationRow]:
    """The rows of some iterations, each with the amounts of its runs."""
    order: dict[About, None] = {}
    for runs in turns:
        for amounts in runs:
            order.update(dict.fromkeys(amounts))
    for about in order:
        cells = tuple(_mean(about, runs) for runs in turns)
        yield AllocationRow(skill=about[0], subskill=about[1], amounts=cells)


def _mean(about: About, runs: Sequence[Mapping[About, Amounts]]) -> Amounts | None:
    """The mean over runs; a run that did not ask counts as nothing asked."""
    found = [amounts[about] for amounts in runs if about in amounts]
    if not found:
        return None
    return Amounts(
        requests=sum(amounts.requests for amounts in found) / len(runs),
        asked=sum(amounts.asked for amounts in found) / len(runs),
        accepted=sum(amounts.accepted for amounts in found) / len(runs),
    )
