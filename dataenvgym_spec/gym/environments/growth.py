"""How an action changes skill trees, and what it asks for. Not an environment itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from dataenvgym_spec.core.errors import StageError, suggest
from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.environments import shapes
from dataenvgym_spec.gym.environments.shapes import Shape
from dataenvgym_spec.gym.proposers.protocol import Proposer, Wanted, alike, tidy
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.plans import Request
from dataenvgym_spec.records.skills import Exploit, Explore, Move, SkillTree, Subskill

Trees = Mapping[str, SkillTree]
Moves = Mapping[str, Move]
MOST_NEW = 50
"""Subskills that a language model can add to a skill at once."""
MOST = 1000
"""Subskills that any policy can; the options of policies allow as many."""
LONGEST = 200
"""Characters of a subskill's name."""
SHOWN = 20
"""Names that a message lists."""


def named(skill: str, subskill: str) -> str:
    """The name of the request for a subskill."""
    return f"{skill} / {subskill}"


def check(trees: Trees, moves: Moves) -> None:
    """Refuses moves of skills and subskills that there are not, and far too many new ones.

    Raises:
        StageError: there is one.
    """
    for skill, move in moves.items():
        if skill not in trees:
            message = f"the action moves the skill '{skill}', which there is not"
            raise StageError(message, help=suggest(skill, trees))
        if isinstance(move, Explore) and move.count > MOST:
            message = f"the action explores {move.count:,} new subskills of '{skill}' at once"
            raise StageError(message, help=f"a plan adds {MOST:,} to a skill at most")
        if isinstance(move, Exploit):
            present = trees[skill].names
            for subskill in move.delta:
                if subskill not in present:
                    message = f"the action exploits '{subskill}', which '{skill}' does not have"
                    raise StageError(message, help=f"its subskills are {_listed(present)}")


def _listed(names: Sequence[str]) -> str:
    shown = [f"'{name}'" for name in names[:SHOWN]]
    more = len(names) - len(shown)
    if more:
        shown.append(f"and {more} more")
    return ", ".join(shown) or "none so far"


def shape(tree: SkillTree, budget: int) -> Shape:
    """The JSON Schema of a move of one skill."""
    explore = shapes.closed(
        {
            "kind": shapes.one_of(["explore"]),
            "count": shapes.whole(1, MOST_NEW),
            "allocation": shapes.whole(1, budget),
        }
    )
    if not tree.subskills:
        return explore
    delta = shapes.each(tree.names, shapes.whole(-budget, budget))
    exploit = shapes.closed({"kind": shapes.one_of(["exploit"]), "delta": delta})
    return {"anyOf": [explore, exploit]}


def filled(
    trees: Trees, moves: Moves, proposer: Proposer, tools: Tools, *, times: int
) -> dict[str, Move]:
    """Moves with the names of new subskills, asked for until there are enough of them.

    Args:
        trees: as they stand.
        moves: of skills.
        proposer: who names subskills.
        tools: for the proposer.
        times: how often it is asked at most.
    """
    used = {alike(named(skill, name)) for skill, tree in trees.items() for name in tree.names}
    filled = {}
    for skill, move in moves.items():
        filled[skill] = _named(skill, move, used)
    for time in range(times):
        wanted = _wanted(trees, filled)
        if not wanted:
            break
        other = Tools(seed=seed_from("propose", tools.seed, time), errors=tools.errors)
        proposed = proposer.propose(wanted, other)
        for one in wanted:
            names = _new(one, proposed.get(one.skill, ()), used)
            filled[one.skill] = _with(filled[one.skill], names)
    return filled


def _named(skill: str, move: Move, used: set[str]) -> Move:
    """A move with those names that a policy gave itself."""
    if not isinstance(move, Explore):
        return move
    names = _new(Wanted(skill=skill, count=move.count), move.subskills, used)
    return replace(move, subskills=tuple(names))


def _wanted(trees: Trees, moves: Moves) -> list[Wanted]:
    """The new subskills that still have no name."""
    wanted = []
    for skill, move in moves.items():
        if isinstance(move, Explore) and len(move.subskills) < move.count:
            present = (*trees[skill].names, *move.subskills)
            short = move.count - len(move.subskills)
            wanted.append(Wanted(skill=skill, count=short, present=present))
    return wanted


def _with(move: Move, names: Sequence[str]) -> Move:
    assert isinstance(move, Explore)
    return replace(move, subskills=(*move.subskills, *names))


def _new(wanted: Wanted, names: Sequence[str], used: set[str]) -> list[str]:
    """The names that nothing is called yet; they are then used."""
    new: list[str] = []
    for name in map(tidy, names):
        mark = alike(named(wanted.skill, name))
        if len(new) == wanted.count or not name or len(name) > LONGEST or mark in used:
            continue
        used.add(mark)
        new.append(name)
    return new


def grown(trees: Trees, moves: Moves, number: int) -> dict[str, SkillTree]:
    """The trees after moves; a skill without one keeps its subskills and their allocations.

    Args:
        trees: as they stand.
        moves: with the names of new subskills.
        number: of the plan, from 1 on.
    """
    return {skill: _grown(tree, moves.get(skill), number) for skill, tree in trees.items()}


def _grown(tree: SkillTree, move: Move | None, number: int) -> SkillTree:
    missing = 0
    subskills = list(tree.subskills)
    if isinstance(move, Explore):
        missing = move.count - len(move.subskills)
        for name in move.subskills:
            subskills.append(Subskill(name=name, allocation=move.allocation, added=number))
    elif isinstance(move, Exploit):
        for place, subskill in enumerate(subskills):
            allocation = max(0, subskill.allocation + move.delta.get(subskill.name, 0))
            subskills[place] = replace(subskill, allocation=allocation)
    return replace(tree, subskills=tuple(subskills), move=move, missing=missing)


def in_turn(trees: Trees) -> list[Request]:
    """One request a subskill with an allocation, in the order in which they are served.

    What was asked for least so far comes first, so that a subskill which the amount of one
    iteration did not reach is served in the next. Of equal ones, the first subskill of every skill
    comes before the second of any.
    """
    ranked = []
    for place, (skill, tree) in enumerate(trees.items()):
        for depth, subskill in enumerate(tree.subskills):
            if subskill.allocation:
                ranked.append(((subskill.requested, depth, place), skill, subskill))
    ranked.sort(key=lambda entry: entry[0])
    requests = []
    for _, skill, subskill in ranked:
        name, count = named(skill, subskill.name), subskill.allocation
        requests.append(Request(id=name, count=count, skill=skill, subskill=subskill.name))
    return requests


def served(trees: Trees, requests: Sequence[Request]) -> dict[str, SkillTree]:
    """The trees with what is asked for of each subskill, and with what was cut."""
    counts = {request.id: request.count for request in requests}
    after = {}
    for skill, tree in trees.items():
        subskills = []
        for subskill in tree.subskills:
            asked = counts.get(named(skill, subskill.name), 0)
            requested = subskill.requested + asked
            subskills.append(replace(subskill, asked=asked, requested=requested))
        cut = sum(subskill.allocation - subskill.asked for subskill in subskills)
        after[skill] = replace(tree, subskills=tuple(subskills), cut=cut)
    return after
