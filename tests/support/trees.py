"""Skill trees that environments and policies are held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataenvgym_spec.gym.environments.protocol import Seen, SkillScore
from dataenvgym_spec.gym.environments.skill_tree import SkillTreeAction, SkillTreeState
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.plans import Yield
from dataenvgym_spec.records.skills import Exploit, Explore, Move, SkillTree, Subskill
from tests.support.golden import component, make

SKILLS = ("sum", "gcd", "lcm")
NAMES = {skill: [f"{skill} {n}" for n in range(1, 7)] for skill in SKILLS}


def environment(proposer: Any = None, **options: Any) -> Any:
    """A skill tree with listed subskills, or with a proposer of a test's own."""
    listed = {**component("proposer", "listed", lists=NAMES)}
    plain = component("environment", "skill-tree", subskills=listed, **{"gain": "paired", "prior_items": 20.0, "proposals": 3, **options})  # fmt: skip
    made = make("environment", plain)
    if proposer is not None:
        made.proposer = proposer
    return made


def answers(marks: Mapping[str, Sequence[int]]) -> tuple[dict[str, str], list[Result]]:
    """The skill of every hidden item, and whether it is answered right."""
    of_item, rows = {}, []
    for skill, right in marks.items():
        for number, mark in enumerate(right):
            name = f"{skill}-{number}"
            of_item[name] = skill
            rows.append(
                Result(
                    id=name, group=skill, input="?", target="!", prediction="!", score=float(mark),
                    correct=bool(mark), unparseable=False, truncated=False,
                )
            )  # fmt: skip
    return of_item, rows


def seen(
    marks: Mapping[str, Sequence[int]] | None = None,
    yields: Mapping[str, tuple[int, int]] | None = None,
    *,
    by: str | None = None,
    skills: Sequence[str] = SKILLS,
) -> Seen:
    """What an arm may observe: marks of hidden items, and yields by request."""
    of_item, rows = answers(marks or {})
    known = None
    if yields is not None:
        known = {name: Yield(requested=a, accepted=b) for name, (a, b) in yields.items()}
    hidden = None if marks is None else rows
    return Seen(skills=tuple(skills), of_item=of_item, hidden=hidden, yields=known, answered=by)


def turn(
    made: Any, seeing: Seen, before: SkillTreeState | None, budget: int = 100, **moves: Move
) -> tuple[SkillTreeState, tuple[Any, ...], SkillTreeState]:
    """One plan: the state that a policy sees, the requests, and what is remembered."""
    state = made.observe(seeing, before)
    action = made.complete(state, SkillTreeAction(moves=moves), budget, Tools(seed=5))
    requests = made.requests(state, action, budget)
    return state, requests, made.advance(state, action, seeing.yields or {})


def tree(*subskills: Subskill, move: Move | None = None, **more: Any) -> SkillTree:
    return SkillTree(subskills=subskills, move=move, **more)


def part(name: str, allocation: int, requested: int = 0, accepted: int | None = None) -> Subskill:
    return Subskill(
        name=name, allocation=allocation, added=1, requested=requested, accepted=accepted
    )


def states() -> list[SkillTreeState]:
    """Blind and not, at first and later: empty trees, explored and exploited ones, with rewards."""
    explored = Explore(count=2, allocation=6, subskills=("a", "b"))
    exploited = Exploit(delta={"a": 3})
    some = tree(part("a", 6, 12, 9), part("b", 0, 6, 6), move=explored)
    more = tree(*(part(f"s{n}", n, 5 * n, 4 * n) for n in range(7)), move=exploited)
    dry = tree(part("a", 6, 12, 9), move=explored, missing=1)
    score = SkillScore(accuracy=0.25, items=20)
    rewarded = [tree(*some.subskills, move=explored, score=score, reward=reward) for reward in (0.2, -0.1, None)]  # fmt: skip
    unseen = [tree(part("a", 6, 12), part("b", 2, 6), move=exploited)] * 3
    made = []
    for trees, scored in (
        ([SkillTree()] * 3, False), ([SkillTree()] * 3, True), ([some, more, dry], False),
        (rewarded, True), (unseen, False),
    ):  # fmt: skip
        named = dict(zip(SKILLS, trees, strict=True))
        made.append(SkillTreeState(trees=named, scored=scored))
    return made


def acts(kind: str, *options: dict[str, Any]) -> list[Any]:
    """What a policy does in each state with each of some options, at two seeds."""
    made = []
    for chosen in options:
        policy = make("policy", component("policy", kind, **chosen))
        for state in states():
            for seed in (0, 1):
                act = policy.act(state, 90, Tools(seed=seed))
                made.append(act.plain())
    return made
