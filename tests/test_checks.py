"""Planted cases: each check rejects what it is for, and an engine that corrupts is found out."""

from itertools import islice

import pytest

from dataenvgym_spec.agents.allocate import Allocate, share_out
from dataenvgym_spec.agents.policy import Observation, SkillScore, Yield
from dataenvgym_spec.checks.duplicate import Duplicate
from dataenvgym_spec.checks.overlap import Overlap
from dataenvgym_spec.checks.protocol import Bench, Reserve
from dataenvgym_spec.checks.scorable import Scorable
from dataenvgym_spec.engines.procedural import Procedural
from dataenvgym_spec.stages.check import judge
from dataenvgym_spec.stages.data import draw
from dataenvgym_spec.tasks.item import Item
from dataenvgym_spec.tasks.reasoning_gym import ReasoningGym
from dataenvgym_spec.tasks.reasoning_gym_score import ReasoningGymScore
from tests.test_data import FAMILIES, LANES

CHECKS = [("scorable", "reject", Scorable()), ("duplicate", "reject", Duplicate()), ("overlap", "reject", Overlap(against=["test"]))]
SOURCE = {"kind": "reasoning-gym", "semantics": 1, "families": FAMILIES}
TEACHER = {"kind": "procedural", "semantics": 1, "source": SOURCE}


def bench(**more: object) -> Bench:
    return Bench(scorer=ReasoningGymScore(), reserve=Reserve(seed=3, lanes={"test": LANES["test"]}, items={}), **more)


def rows(items: list[Item]) -> list[dict[str, object]]:
    return [{**item.row(), "skill": item.group} for item in items]


def test_planted_cases_are_rejected_for_their_reasons() -> None:
    source = ReasoningGym(families=FAMILIES)
    (sealed, *_) = draw(source, role="test", lane=LANES["test"], seed=3, per_group=2)
    free = [item for item in islice(source.stream("gcd", 77), 60) if not Reserve(seed=3, lanes={"test": LANES["test"]}, items={}).holder(item)]
    good, other = free[0], next(item for item in free if item.id != free[0].id)
    wrong = Item(**{**other.row(), "target": "9999"})
    empty = Item(**{**other.row(), "target": ""})
    planted = [good, wrong, empty, good, sealed]
    accepted, rejected, tally = judge(rows(planted), {"gcd": 99, "sum": 99}, CHECKS, bench())
    assert [row["id"] for row in accepted] == [good.id]
    assert [(row["check"], row["reason"]) for row in rejected] == [
        ("scorable", "the scorer finds the answer wrong"),
        ("scorable", "the scorer cannot read the answer"),
        ("duplicate", "accepted before"),
        ("overlap", "reserved for test"),
    ]
    assert sum(sum(counts.values()) for counts in tally.values()) == 5


def test_what_was_accepted_in_an_earlier_iteration_is_a_duplicate() -> None:
    item = next(ReasoningGym(families=FAMILIES).stream("gcd", 1))
    accepted, rejected, _ = judge(rows([item]), {"gcd": 9}, CHECKS[1:2], bench(accepted={item.id}))
    assert (accepted, rejected[0]["check"]) == ([], "duplicate")


def test_a_finite_source_reserves_what_it_holds() -> None:
    item = next(ReasoningGym(families=FAMILIES).stream("gcd", 1))
    reserve = Reserve.of({"seed": 0, "roles": {"selection": {"items": [item.id]}}})
    assert reserve.holder(item) == "selection"
    assert reserve.holder(Item(**{**item.row(), "id": "0" * 16})) is None


def test_recording_notes_and_accepts() -> None:
    item = next(ReasoningGym(families=FAMILIES).stream("gcd", 1))
    accepted, rejected, _ = judge(rows([item]), {"gcd": 9}, [("duplicate", "record", Duplicate())], bench(accepted={item.id}))
    assert (accepted[0]["notes"], rejected) == ({"duplicate": "accepted before"}, [])


def test_the_amount_is_cut_at_a_prefix_of_the_request_order() -> None:
    items = list({item.id: item for item in islice(ReasoningGym(families=FAMILIES).stream("gcd", 8), 40)}.values())
    accepted, _, tally = judge(rows(items), {"gcd": 5}, CHECKS[:2], bench())
    assert [row["id"] for row in accepted] == [item.id for item in items[:5]]
    assert tally["gcd"] == {"accepted": 5, "surplus": len(items) - 5}


@pytest.mark.parametrize("corrupt", [0.0, 0.5, 1.0])
def test_an_engine_that_corrupts_is_found_out(corrupt: float) -> None:
    engine = Procedural(teacher=TEACHER, oversample=1.0, corrupt=corrupt)
    items = list(engine.candidates({"sum": 60, "gcd": 60}, 5))
    assert len(items) == 120
    _, rejected, _ = judge(rows(items), {"sum": 99, "gcd": 99}, CHECKS[:1], bench())
    assert abs(len(rejected) / 120 - corrupt) <= 0.12
    clean = {item.id: item.target for item in Procedural(teacher=TEACHER, oversample=1.0, corrupt=0.0).candidates({"sum": 60, "gcd": 60}, 5)}
    assert {row["id"] for row in rejected} == {item.id for item in items if clean[item.id] != item.target}


def test_an_engine_repeats_itself_by_seed_and_only_then() -> None:
    engine = Procedural(teacher=TEACHER, oversample=2.0, corrupt=0.0)
    assert list(engine.candidates({"sum": 10}, 1)) == list(engine.candidates({"sum": 10}, 1))
    assert len(list(engine.candidates({"sum": 10}, 1))) == 20
    one, two = ({item.id for item in engine.candidates({"sum": 200}, seed)} for seed in (1, 2))
    assert len(one & two) < 0.3 * len(one)


def test_a_policy_without_state_is_even_and_with_state_follows_it() -> None:
    policy = Allocate(power=1.0, floor=0.1)
    skills = ("a", "b", "c")
    assert policy.act(Observation(skills=skills), 30).allocation == {"a": 10, "b": 10, "c": 10}
    scores = {"a": SkillScore(accuracy=1.0, items=20), "b": SkillScore(accuracy=0.5, items=20), "c": SkillScore(accuracy=0.0, items=20)}
    action = policy.act(Observation(skills=skills, scores=scores), 300)
    assert action.allocation == {"a": 10, "b": 100, "c": 190}
    assert "accuracy 0.00 on 20 hidden items" in action.reasons["c"]
    dry = {skill: Yield(requested=100, accepted=0 if skill == "c" else 100) for skill in skills}
    assert policy.act(Observation(skills=skills, scores=scores, yields=dry), 300).allocation["c"] == 10


def test_shares_sum_to_the_amount() -> None:
    for amount in range(40):
        assert sum(share_out({"a": 0.2, "b": 0.5, "c": 0.31}, amount).values()) == amount
