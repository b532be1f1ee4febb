"""The skill list: states, requests and memory of a fixed input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataenvgym_spec.gym.environments.protocol import Seen
from dataenvgym_spec.gym.environments.skill_list import Allocation
from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.plans import Step, Yield
from tests.support.golden import assert_golden, component, items, make


def _skill_list(_shop: Path) -> Any:
    environment = make("environment", component("environment", "skill-list"))
    drawn = items()
    answers = [
        Result(
            id=item.id, group=item.group, input=item.input, target=item.target, prediction="?",
            score=float(number % 3 == 0), correct=number % 3 == 0, unparseable=False, truncated=False,
        )
        for number, item in enumerate(drawn)
    ]  # fmt: skip
    of_item = {item.id: item.group for item in drawn}
    seen = Seen(
        skills=("gcd", "sum", "none"),
        of_item=of_item,
        hidden=answers,
        yields={"sum": Yield(requested=9, accepted=4)},
    )
    step = Step(allocation={"sum": 9}, reasons={})
    state = environment.observe(seen, environment.state(history=(step,)))
    blind = environment.observe(Seen(skills=("gcd",), of_item=of_item), None)
    action = Allocation(allocation={"gcd": 3, "sum": 4}, reasons={"gcd": "why"})
    asked = [request.plain() for request in environment.requests(state, action, 7)]
    after = environment.advance(state, action, seen.yields)
    return [state.plain(), blind.plain(), asked, after.plain(), seen.shortfall()]


def test_the_environment_skill_list_makes_what_its_number_says(tmp_path: Path) -> None:
    made = _skill_list(tmp_path)
    assert_golden("environment", "skill-list", {1: "c39c57fe433391f3"}, made)
