"""Active learning: which items of the pool are chosen, by what a student answers to them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.engines.expert_iteration import ExpertIteration
from dataenvgym_spec.gym.engines.from_pool import FromPool
from dataenvgym_spec.gym.engines.label_only import LabelOnly
from dataenvgym_spec.gym.engines.protocol import Engine
from dataenvgym_spec.gym.environments.open_ended import OpenEnded, OpenEndedAction, OpenEndedState
from dataenvgym_spec.gym.policies.mistaken import Mistaken
from dataenvgym_spec.gym.policies.uncertain import Uncertain, answer_of, disagreement
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.records.evaluations import Result, Sample
from dataenvgym_spec.records.files import read_rows, write_rows
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import Request
from tests.support import teachers
from tests.support.golden import Workshop, assert_golden, component, families, items, make
from tests.support.graphs import compiled, findings
from tests.support.specs import tiny

POOL = items()


def sample(text: str, right: bool = False, **more: bool) -> Sample:
    marks = {"unparseable": False, "truncated": False, **more}
    return Sample(prediction=text, score=float(right), correct=right, **marks)


def result(item: Item, *answers: str) -> Result:
    drawn = tuple(sample(text, text == item.target) for text in answers)
    first = drawn[0]
    return Result(
        id=item.id, group=item.group, input=item.input, target=item.target, prediction=first.prediction,
        score=first.score, correct=first.correct, unparseable=False, truncated=False,
        samples=drawn if len(drawn) > 1 else (),
    )  # fmt: skip


def wrong(item: Item, count: int) -> tuple[str, ...]:
    """Three answers, so many of them wrong; only if all are, each in another way."""
    if count == 3:
        return ("x", "y", "z")
    return ("x",) * count + (item.target,) * (3 - count)


RESULTS = [result(item, *wrong(item, number % 4)) for number, item in enumerate(POOL)]


def uncertain(results: Sequence[Result] | None = RESULTS, per_request: int = 1) -> Uncertain:
    return Uncertain(pool=POOL, results=results, per_request=per_request, after="")


def mistaken(results: Sequence[Result] | None = RESULTS, per_request: int = 1) -> Mistaken:
    return Mistaken(pool=POOL, results=results, per_request=per_request)


def ids(action: OpenEndedAction) -> list[str | None]:
    return [like.id for wanted in action.wanted for like in wanted.like]


def act(policy: Any, budget: int = 6, state: OpenEndedState | None = None, seed: int = 0) -> Any:
    return policy.act(state or OpenEndedState(), budget, Tools(seed=seed))


@pytest.mark.parametrize("make", [uncertain, mistaken])
def test_those_that_score_highest_are_chosen_and_the_seed_decides_of_equal_ones(make: Any) -> None:
    best = {item.id for number, item in enumerate(POOL) if number % 4 == 3}
    assert set(ids(act(make()))) == best
    assert ids(act(make(), 3, seed=1)) != ids(act(make(), 3, seed=2))
    assert ids(act(make(), 3, seed=1)) == ids(act(make(), 3, seed=1))


def test_the_right_answers_tell_one_of_them_nothing() -> None:
    """All answers to an item are equal, and wrong: an error, and no doubt."""
    sure = [result(POOL[0], "no", "no", "no"), result(POOL[1], "1", "2", "3")]
    assert ids(act(uncertain(sure), 1)) == [POOL[1].id]
    other = [replace(row, target="?", correct=not row.correct) for row in RESULTS]
    assert ids(act(uncertain(other))) == ids(act(uncertain()))
    assert set(ids(act(mistaken(sure), 2))) == {POOL[0].id, POOL[1].id}


def test_without_a_student_it_is_a_random_choice_by_the_same_requests() -> None:
    one, other = act(uncertain(None), 4), act(mistaken(None), 4)
    assert one == other
    assert one.reasons == {"task": "4 of 24 items of the pool, at random: nothing is observed"}
    assert len(set(ids(one))) == 4 and ids(act(uncertain(None), 4, seed=1)) != ids(one)
    assert [wanted.count for wanted in one.wanted] == [1, 1, 1, 1]


def test_no_item_is_chosen_twice_in_a_loop() -> None:
    world, state, chosen = OpenEnded(), OpenEndedState(), list[str | None]()
    for _ in range(4):
        action = act(mistaken(per_request=2), 6, state)
        assert {wanted.count for wanted in action.wanted} == {2}
        chosen += ids(action)
        state = world.advance(state, action, {})
    assert sorted(map(str, chosen)) == sorted(item.id for item in POOL)
    with pytest.raises(StageError, match="all 24 items of the pool that can be chosen were chosen"):
        act(mistaken(), 6, state)


@pytest.mark.parametrize(
    ("text", "after", "answer"),
    [
        ("First 3,\nthen  FOUR", "", "then four"),
        ("so A: 3, no, A: 4 ", "A:", "4"),
        ("just 4", "A:", "just 4"),
    ],
)
def test_what_counts_of_an_answer(text: str, after: str, answer: str) -> None:
    assert answer_of(sample(text), after) == answer
    assert answer_of(sample(text, truncated=True), after) == ""
    assert answer_of(sample(text, unparseable=True), after) == ""


def test_the_measure_is_the_entropy_of_answers() -> None:
    assert disagreement(["a"]) == disagreement([]) == disagreement(["a", "a"]) == 0
    assert disagreement(["a", "b"]) == 1
    assert 0 < disagreement(["a", "a", "a", "b"]) < disagreement(["a", "a", "b", "b"]) == 0.5


def taking(kind: str) -> Engine:
    """An engine that takes its questions from the pool, and an answer that any teacher writes."""
    if kind == "from-pool":
        return FromPool(pool=POOL, oversample=4)
    usual = {"prompt": "{{ input }}", "samples": 1, "top_up": 1, "pool": POOL}
    teacher = teachers.Scripted(says=lambda *_: '{"answer": "7"}')
    if kind == "label-only":
        return LabelOnly(teacher=teacher, reasoning=False, **usual)
    return ExpertIteration(teacher=teacher, accept="majority", **usual)


TAKING = ("from-pool", "label-only", "expert-iteration")


def test_all_engines_that_read_the_pool_are_tried() -> None:
    reading = {kind for kind, one in definitions()["engine"].items() if one.reads == "pool"}
    assert reading == set(TAKING)


@pytest.mark.parametrize("kind", TAKING)
def test_an_engine_of_the_pool_takes_these_very_items(kind: str) -> None:
    action = act(uncertain(), 3)
    asked = OpenEnded().requests(OpenEndedState(), action, 3)
    tools = Tools(seed=0, scorer=make("scorer", component("scorer", "exact-match")))
    assert [example.id for example in taking(kind).generate(asked, tools)] == ids(action)
    unknown = replace(asked[0], like=(replace(asked[0].like[0], id="elsewhere"),))
    with pytest.raises(StageError, match="the item 'elsewhere', which the pool does not have"):
        list(taking(kind).generate([unknown], tools))


@pytest.mark.parametrize("kind", TAKING)
def test_an_engine_of_the_pool_makes_no_example_of_a_subskill(kind: str) -> None:
    asked = [Request(id="1", count=2, skill="sum", subskill="harder: max_digits 3")]
    with pytest.raises(StageError, match="makes no examples of 'harder: max_digits 3'"):
        list(taking(kind).generate(asked, Tools(seed=0)))


def test_the_policy_uncertain_makes_what_its_number_says() -> None:
    made = [act(uncertain()).plain(), act(uncertain(None)).plain()]
    assert_golden("policy", "uncertain", {1: "be6dbe113952df31"}, made)


def test_the_policy_mistaken_makes_what_its_number_says() -> None:
    made = [act(mistaken(per_request=4)).plain(), act(mistaken(None)).plain()]
    assert_golden("policy", "mistaken", {1: "ac858e1de09cd97e"}, made)


def test_the_stages_of_an_arm_have_those_questions_labelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the answers to the pool to labels that a teacher wrote."""
    teachers.install(monkeypatch)
    shop = Workshop(tmp_path)
    draw = {"draw": {"per_group": 12}, "lane": [0.3, 0.8], "seed": 3}
    score = component("scorer", "reasoning-gym")
    shop.run("pool", "data", {"role": "pool", "source": families(), "score": score, **draw})
    rows = read_rows(shop.outs["pool"] / "pool" / "items.jsonl")
    sums = [Item(**{**row, "input": f"What is {n} + 1?"}) for n, row in enumerate(rows)]
    write_rows(shop.outs["pool"] / "pool" / "items.jsonl", sums)
    doubted = {item.id for item in sums[::5]}
    answers = [result(item, *wrong(item, 3 * (item.id in doubted))) for item in sums]
    (tmp_path / "answers" / "out" / "pool").mkdir(parents=True)
    shop.outs["answers"] = tmp_path / "answers" / "out"
    write_rows(shop.outs["answers"] / "pool" / "results.jsonl", answers)
    planned = {
        "observe": {"errors": 0, "scores": False, "yield": True},
        "policy": component("policy", "uncertain", per_request=1, after=""),
        "environment": component("environment", "open-ended"),
        "amount": len(doubted),
        "seed": 7,
    }
    seen = (("pool", "pool", "pool"), ("answers", "answers", "pool"))
    shop.run("plan", "plan", planned, seen)
    engine = component(
        "engine", "label-only", prompt="{{ input }}", samples=1, reasoning=False, top_up=0,
        teacher=component("teacher", "scripted"),
    )  # fmt: skip
    asked = {"observe": "nothing", "engine": engine, "iteration": 1, "round": 0, "seed": 7}
    shop.run("generate", "generate", asked, (("plan", "plan", "plan"), ("pool", "pool", "pool")))
    made = read_rows(shop.outs["generate"] / "candidates" / "examples.jsonl")
    assert {row["id"] for row in made} == doubted
    for row in made:
        number = int(row["input"].split()[2])
        assert row["target"] == str(number + 1)
    state = json.loads((shop.outs["plan"] / "state" / "state.json").read_text(encoding="utf-8"))
    assert set(state["chosen"]) == doubted
    teachers.forget()


AGENT = {
    "policy": {"kind": "mistaken", "power": None, "floor": None},
    "engine": {"kind": "from-pool", "teacher": None, "oversample": None},
}


def arm(**more: Any) -> str:
    pool = {"pool": {"from": "problems", "draw": {"per_group": 40}}}
    return tiny(
        task={"splits": pool}, environment="open-ended", agent={**AGENT, **more.pop("agent", {})},
        skills=None, **more,
    )  # fmt: skip


def test_the_student_answers_the_pool_before_each_plan_but_in_a_blind_arm(tmp_path: Path) -> None:
    graph = compiled(tmp_path, arm())
    for stage in (one for one in graph.stages if one.kind == "plan"):
        slots = {item.slot: item for item in stage.inputs}
        blind = stage.plain["observe"] == "nothing"
        assert "pool" in slots
        assert ("answers" in slots) is not blind
        if not blind:
            answers = graph.by_id()[slots["answers"].stage]
            assert (answers.kind, answers.plain["splits"]) == ("evaluate", ["pool"])
            assert any(use.iteration == stage.uses[0].iteration - 1 for use in answers.uses)


PROCEDURAL = {"kind": "procedural", "teacher": "generator", "oversample": 2}


@pytest.mark.parametrize(
    "agent",
    [
        {},
        {"checks": {"duplicate": {"action": "off"}}},
        {"engine": PROCEDURAL},
        {"engine": PROCEDURAL, "observe": "nothing"},
    ],
)
def test_a_pool_that_a_policy_would_use_up_is_told_before_anything_runs(
    agent: dict[str, Any], tmp_path: Path
) -> None:
    """Whatever the engine makes of what was chosen: the policy chooses no item twice."""
    assert not findings(tmp_path, arm(agent=agent, loop={"iterations": 2}))
    told = findings(tmp_path, arm(agent=agent, loop={"iterations": 3}))
    assert {finding.code for finding in told} == {"E202"}
    (message,) = {finding.message for finding in told}
    assert "90 " in message and "in 3 iterations, none of them twice" in message
    assert message.endswith("and the pool has at most 80 items")


def test_a_prompt_shows_no_more_items_than_the_pool_has(tmp_path: Path) -> None:
    seeded = {"kind": "seeded-prompt", "power": None, "floor": None}
    for count, said in ((80, []), (81, ["is to show 81 items at once, and the pool has at most"])):
        agent = {"policy": {**seeded, "pool_items": count}, "engine": PROCEDURAL}
        told = findings(tmp_path, arm(agent=agent))
        assert [any(text in one.message for text in said) for one in told] == [True] * len(said)


def test_a_stale_arm_asks_once(tmp_path: Path) -> None:
    observe = {"scores": False, "errors": 0, "yield": True, "student": "base"}
    graph = compiled(tmp_path, arm(agent={"observe": observe}))
    asked = [one for one in graph.stages if one.plain.get("splits") == ["pool"]]
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task": {"splits": {"pool": None}}}, "reads the pool, but 'task.splits' has none"),
        ({"environment": "skill-list"}, "does not serve the environment 'skill-list'"),
        (
            {"student": {"generate": {"temperature": 0.7}}},
            "the policy 'uncertain' does not serve the sampling 'one answer'",
        ),
    ],
)
def test_what_does_not_fit_is_told_before_anything_runs(
    changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    drawing = {"student": {"generate": {"temperature": 0.7, "samples": 3}}}
    base = {
        "task": {"splits": {"pool": {"from": "problems", "draw": {"per_group": 40}}}},
        "environment": "open-ended",
        "agent": {**AGENT, "policy": {**AGENT["policy"], "kind": "uncertain"}},
        **drawing,
    }
    assert not findings(tmp_path, tiny(**base))
    told = [finding.message for finding in findings(tmp_path, tiny(**{**base, **changes}))]
    assert any(said in message for message in told), told
