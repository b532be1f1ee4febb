"""The open-ended environment and its policies."""

from collections import Counter
from math import ceil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.engines.groups import groups_for
from dataenvgym_spec.gym.environments.open_ended import (
    OpenEnded,
    OpenEndedAction,
    OpenEndedState,
    Wanted,
)
from dataenvgym_spec.gym.policies.seeded_prompt import SeededPrompt
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import read, read_all
from dataenvgym_spec.records.plans import TASK, Plan, Request, ShownError
from tests.support.golden import (
    OBSERVE,
    Workshop,
    assert_golden,
    bytes_of,
    component,
    engine,
    items,
)
from tests.support.golden import make as made
from tests.support.repositories import call
from tests.support.states import policy

MODES = ("batched", "one-by-one")


def errors(count: int) -> tuple[ShownError, ...]:
    return tuple(
        ShownError(id=f"e{n}", input=f"{n} + 1", target=str(n + 1), prediction="?", group="sum")
        for n in range(count)
    )


def state(count: int, per_request: int = 3) -> OpenEndedState:
    return OpenEndedState(errors=errors(count), per_request=per_request)


def wanted(
    kind: str, seen: OpenEndedState, budget: int, seed: int = 0, **options: object
) -> tuple[Wanted, ...]:
    action: OpenEndedAction = policy(kind, **options).act(seen, budget, Tools(seed=seed))
    assert list(action.reasons) == [TASK]
    return action.wanted


def acts(kind: str, *options: dict[str, object]) -> list[object]:
    states = [OpenEndedState(), state(0), state(2), state(30)]
    return [
        [one.plain() for one in wanted(kind, seen, 101, seed, **chosen)]
        for chosen in options
        for seen in states
        for seed in (0, 1)
    ]


def test_the_policies_make_what_their_numbers_say() -> None:
    assert_golden("policy", "fixed-prompt", {1: "ee58a42575f2ba19"}, acts("fixed-prompt", {}))
    both = acts("from-errors", *({"mode": mode, "per_prompt": 10} for mode in MODES))
    assert_golden("policy", "from-errors", {1: "298a26113df5bf6f"}, both)


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 40),
    per_request=st.integers(0, 50),
    per_prompt=st.integers(1, 60),
    budget=st.integers(1, 300),
    mode=st.sampled_from(MODES),
)
def test_prompts_on_errors_ask_for_the_whole_amount_and_show_each_error_in_turn(
    count: int, per_request: int, per_prompt: int, budget: int, mode: str
) -> None:
    made = wanted(
        "from-errors", state(count, per_request), budget, mode=mode, per_prompt=per_prompt
    )
    assert sum(one.count for one in made) == budget
    assert all(one.count > 0 for one in made)
    if len(made) * per_prompt >= budget:
        assert len(made) == ceil(budget / per_prompt)
        assert {one.count for one in made[:-1]} <= {per_prompt}
    shown = Counter(name for one in made for name in one.show)
    assert set(shown) <= {error.id for error in errors(count)}
    if mode == "one-by-one":
        assert all(len(one.show) == 1 for one in made) and set(shown.values()) == {1}
    else:
        size = min(max(per_request, 1), count)
        assert all(len(one.show) == len(set(one.show)) == size for one in made)
        times = [shown.get(error.id, 0) for error in errors(count)]
        assert max(times) - min(times) <= 2


def test_without_errors_the_prompt_is_the_fixed_one() -> None:
    for seen in (OpenEndedState(), state(0)):
        for mode in MODES:
            asked = wanted("from-errors", seen, 7, mode=mode, per_prompt=2)
            assert asked == wanted("fixed-prompt", seen, 7) == (Wanted(count=7),)


def test_the_seed_chooses_the_errors() -> None:
    first = wanted("from-errors", state(30), 30, 0, mode="batched", per_prompt=10)
    assert first == wanted("from-errors", state(30), 30, 0, mode="batched", per_prompt=10)
    assert first != wanted("from-errors", state(30), 30, 1, mode="batched", per_prompt=10)


def test_real_items_of_the_pool_are_shown_with_their_answers() -> None:
    pool = items()
    action = SeededPrompt(pool=pool, pool_items=2).act(OpenEndedState(), 9, Tools(seed=4))
    (one,) = action.wanted
    known = {item.input: item for item in pool}
    assert one.count == 9 and len(one.like) == 2
    assert all(known[like.input].target == like.target for like in one.like)
    assert (
        one.like
        != SeededPrompt(pool=pool, pool_items=2)
        .act(OpenEndedState(), 9, Tools(seed=5))
        .wanted[0]
        .like
    )
    assert_golden(
        "policy", "seeded-prompt", {1: "19ce682ee6d7fe76"}, [like.plain() for like in one.like]
    )
    with pytest.raises(StageError, match="shows 99 items, and the pool has 24"):
        SeededPrompt(pool=pool, pool_items=99).act(OpenEndedState(), 9, Tools(seed=4))


def test_an_action_that_shows_what_is_no_error_is_refused() -> None:
    action = OpenEndedAction(wanted=(Wanted(count=1), Wanted(count=1, show=("e9",))))
    with pytest.raises(StageError, match="request 2 shows 'e9', which is no observed error"):
        OpenEnded().complete(state(3), action, 2, Tools(seed=0))


@pytest.mark.parametrize("wanted", [(), (Wanted(count=0),)])
def test_an_action_that_asks_for_nothing_is_refused(wanted: tuple[Wanted, ...]) -> None:
    with pytest.raises(StageError, match="asks for no example"):
        OpenEnded().complete(state(3), OpenEndedAction(wanted=wanted), 2, Tools(seed=0))


def test_a_request_is_met_from_the_groups_of_what_it_shows() -> None:
    tools = Tools(seed=0, errors={TASK: errors(2)})
    asked = Request(id="task-1", count=1, skill=TASK, show=("e1",))
    assert groups_for(asked, tools, ["gcd", "sum"]) == ["sum"]
    moving = Request(id="a", count=1, skill="moving")
    assert groups_for(moving, tools, ["gcd", "sum"]) == []
    # What a skill was made of tells where nothing is shown, in proportion and never not at all.
    made_of = Tools(seed=0, groups={"moving": {"sum": 1, "gcd": 99, "lcm": 5}})
    assert groups_for(moving, made_of, ["gcd", "sum"]) == ["gcd"] * 20 + ["sum"]
    shown = Tools(seed=0, groups=made_of.groups, errors={"moving": errors(2)})
    assert {*groups_for(moving, shown, ["gcd", "sum"])} == {error.group for error in errors(2)}


def test_the_engine_refuses_a_skill_that_nothing_ties_to_a_group() -> None:
    with pytest.raises(
        StageError, match="has no group 'moving', and nothing ties the skill to one"
    ):
        list(
            made("engine", engine()).generate(
                [Request(id="m", count=1, skill="moving")], Tools(seed=0)
            )
        )


def test_the_stages_of_an_arm_teach_the_groups_of_the_errors_that_the_plan_shows(
    tmp_path: Path,
) -> None:
    shop = Workshop(tmp_path)
    shop.loop()
    asking = component("policy", "from-errors", mode="one-by-one", per_prompt=4)
    params = {
        "observe": OBSERVE,
        "policy": asking,
        "amount": 8,
        "seed": 7,
        "environment": component("environment", "open-ended"),
    }
    results = [("results", f"base-{port}", port) for port in ("shown", "hidden")]
    shop.run("open", "plan", params, tuple(results))
    plan = read(shop.outs["open"] / "plan" / "plan.json", Plan)
    assert plan.allocation == {TASK: sum(request.count for request in plan.asked())} == {TASK: 8}
    shown = {error.id: error for error in plan.errors[TASK]}
    assert shown and all(error.prediction == "?" and error.group for error in shown.values())
    assert {name for request in plan.asked() for name in request.show or ()} == set(shown)
    asked = {"observe": OBSERVE, "engine": engine(), "iteration": 1, "round": 0, "seed": 7}
    shop.run("made", "generate", asked, (("plan", "open", "plan"),))
    rows = read_all(shop.outs["made"] / "candidates" / "examples.jsonl", Example)
    of_request = {
        request.id: shown[request.show[0]].group for request in plan.asked() if request.show
    }
    assert rows and all(row.group == of_request[row.asked_by] for row in rows)
    digest = bytes_of(shop.outs["open"], shop.outs["made"])
    assert_golden("environment", "open-ended", {1: "0f2a80a6fbeed8d8"}, digest)


def test_a_spec_needs_no_skills_there_and_needs_them_in_a_skill_list(repo: Path) -> None:
    bare = ("--set", "skills=null")
    said = call("dataenvgym", "validate", "tiny", *bare, cwd=repo, ok=False).stderr
    assert "error[E204]: the environment 'skill-list' needs skills" in said
    there = (*bare, "--set", "environment=open-ended", "--set", "agent.policy={kind: from-errors}")
    call("dataenvgym", "validate", "tiny", *there, cwd=repo)
    listed = ("--set", "environment=open-ended")
    said = call("dataenvgym", "validate", "tiny", *listed, cwd=repo, ok=False).stderr
    assert "'allocate'" in said and "open-ended" in said
