"""The policy `two-way`: which way a skill goes, how far, and what it lets end."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.gym.environments.protocol import SkillScore
from dataenvgym_spec.gym.environments.skill_tree import SkillTreeState
from dataenvgym_spec.gym.policies.two_way import TwoWay
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.skills import Exploit, Explore, Move, SkillTree
from tests.support.golden import assert_golden, families, make
from tests.support.graphs import compiled, findings
from tests.support.specs import TREE, tiny
from tests.support.trees import SKILLS, environment, part, seen, states, tree, turn

HARDER = tuple(f"harder: digits {n}" for n in range(2, 6))
EASIER = tuple(f"easier: terms {n}" for n in range(2))


class Listed:
    """A source with variants, both ways in turn."""

    def variants(self, group: str) -> Iterator[str]:
        yield from ("as set", HARDER[0], EASIER[0], HARDER[1], EASIER[1], *HARDER[2:])


def policy(**options: Any) -> Any:
    said = {"lowest": 0.3, "highest": 0.7, "new_subskills": 2, "each": 8, **options}
    return TwoWay(source=Listed(), **said)  # type: ignore[arg-type]  # no items are drawn


def moved(known: SkillTree, accuracy: float | None, **options: Any) -> tuple[Move, str]:
    score = None if accuracy is None else SkillScore(accuracy=accuracy, items=20)
    trees = {"sum": SkillTree(subskills=known.subskills, score=score)}
    act = policy(**options).act(SkillTreeState(trees=trees, scored=True), 90, Tools(seed=0))
    return act.moves["sum"], act.reasons["sum"]


def test_the_policy_two_way_makes_what_its_number_says() -> None:
    acts = []
    for options in ({}, {"lowest": 0.1, "highest": 0.2, "new_subskills": 1, "each": None}):
        for state in states():
            for seed in (0, 1):
                acts.append(policy(**options).act(state, 90, Tools(seed=seed)).plain())
    assert_golden("policy", "two-way", {2: "a1bc0080f8889684"}, acts)


@pytest.mark.parametrize(
    ("accuracy", "names"),
    [
        (0.9, HARDER[:2]),
        (0.7, ("as set",)),  # both ends belong to the band
        (0.5, ("as set",)),
        (0.3, ("as set",)),
        (0.1, EASIER),
        (None, ("as set",)),
    ],
)
def test_the_band_decides_which_way_a_skill_goes(
    accuracy: float | None, names: tuple[str, ...]
) -> None:
    move, _ = moved(SkillTree(), accuracy)
    assert move == Explore(count=len(names), allocation=8, subskills=names)


def test_on_one_side_it_goes_further_until_there_are_no_more() -> None:
    two = tree(*(part(name, 8) for name in HARDER[:2]))
    move, why = moved(two, 0.9)
    assert move == Explore(count=2, allocation=8, subskills=HARDER[2:])
    assert why.startswith("accuracy 0.90 on 20 hidden items is above 0.7: harder: ")
    four = tree(*(part(name, 8) for name in HARDER))
    assert moved(four, 0.9) == (Exploit(delta={}), "accuracy 0.90 on 20 hidden items is above 0.7: what is harder, as before")  # fmt: skip


def test_on_a_change_of_sides_the_other_side_ends() -> None:
    both = tree(part(HARDER[0], 8), part("as set", 5), part(EASIER[0], 0))
    for accuracy, kept in ((0.9, HARDER[0]), (0.5, "as set"), (0.1, EASIER[0])):
        move, _ = moved(both, accuracy)
        assert isinstance(move, Exploit)
        left = {one.name: one.allocation + move.delta[one.name] for one in both.subskills}
        assert left == {name: 8 if name == kept else 0 for name in left}
    # What it has none of yet comes first; the rest ends in the plan after.
    move, _ = moved(tree(part(HARDER[0], 8)), 0.1)
    assert move == Explore(count=2, allocation=8, subskills=EASIER)


def test_where_there_is_no_variant_that_way_the_skill_is_taught_as_set() -> None:
    made = policy()
    made.source = type("Fixed", (), {"variants": lambda self, group: iter(["as set"])})()
    score = SkillScore(accuracy=0.9, items=20)
    state = SkillTreeState(trees={"sum": SkillTree(score=score)}, scored=True)
    act = made.act(state, 90, Tools(seed=0))
    assert act.moves["sum"] == Explore(count=1, allocation=8, subskills=("as set",))
    assert act.reasons["sum"].endswith("there is no harder variant; as set")


def test_without_scores_the_seed_decides_and_nothing_of_the_student_does() -> None:
    blind = SkillTreeState(trees={skill: SkillTree() for skill in SKILLS})
    drawn = {repr(policy().act(blind, 90, Tools(seed=seed)).moves) for seed in range(20)}
    assert len(drawn) > 5
    marks = {skill: SkillTree(score=SkillScore(accuracy=1.0, items=9)) for skill in SKILLS}
    told = SkillTreeState(trees=marks)
    assert policy().act(told, 90, Tools(seed=3)).moves == policy().act(blind, 90, Tools(seed=3)).moves  # fmt: skip


def test_a_loop_follows_a_student_through_the_variants_of_a_real_source() -> None:
    """Too easy, still too easy, then half forgotten: harder ones, harder still, and back."""
    source = make("source", families())
    two = TwoWay(source=source, lowest=0.3, highest=0.7, new_subskills=1, each=6)
    made, state, asked = environment(), None, []
    for right in ((1, 1, 1), (1, 1, 1), (1, 0, 1, 0), (1, 0, 1, 0)):
        seeing = seen({"gcd": right}, skills=("gcd",))
        moves = two.act(made.observe(seeing, state), 90, Tools(seed=0)).moves
        _, requests, state = turn(made, seeing, state, 90, **moves)
        asked.append([request.subskill.partition(":")[0] for request in requests])
    assert asked == [["harder"], ["harder", "harder"], ["as set", "harder", "harder"], ["as set"]]


def test_it_is_named_in_a_spec_with_its_source(tmp_path: Path) -> None:
    two = {"kind": "two-way", "source": "problems", "power": None, "floor": None}
    tree = {"kind": "skill-tree", "subskills": {"kind": "by-source", "source": "problems"}}
    assert TREE  # the same in a word
    spec = {"environment": tree, "agent": {"policy": two}}
    assert {stage.kind for stage in compiled(tmp_path, tiny(**spec)).stages} >= {"plan", "train"}
    upside = {"agent": {"policy": {**two, "lowest": 0.9, "highest": 0.2}}}
    (found,) = findings(tmp_path, tiny(**{**spec, **upside}))
    assert found.message == "no accuracy is at least 0.9 and at most 0.2"
    other = {"sources": {"others": {"kind": "reasoning-gym", "families": {"sum": {"dataset": "chain_sum", "config": {}}}}}}  # fmt: skip
    (found,) = findings(tmp_path, tiny(**spec, task=other) .replace("kind: two-way\n    source: problems", "kind: two-way\n    source: others"))  # fmt: skip
    assert "draws examples from 'problems', but what 'two-way' proposes" in found.message


def test_skills_share_the_amount_whatever_variants_each_has() -> None:
    high, mid = (SkillScore(accuracy=mark, items=20) for mark in (0.9, 0.5))
    trees = {"sum": SkillTree(score=high), "gcd": SkillTree(score=mid)}
    act = policy(each=None).act(SkillTreeState(trees=trees, scored=True), 90, Tools(seed=0))
    asked = {skill: move.count * move.allocation for skill, move in act.moves.items()}
    assert asked == {"sum": 44, "gcd": 45}
