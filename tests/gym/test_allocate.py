"""The policy `allocate`: what it makes of fixed states."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.gym.environments.protocol import SkillScore
from dataenvgym_spec.gym.environments.skill_list import SkillListState
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.plans import Yield
from tests.support.golden import assert_golden, component, make


def _policy(_shop: Path) -> Any:
    scores = {
        "a": SkillScore(accuracy=1.0, items=20),
        "b": SkillScore(accuracy=0.55, items=20),
        "c": SkillScore(accuracy=0.1, items=7),
    }
    yields = {
        "a": Yield(requested=10, accepted=10),
        "b": Yield(requested=9, accepted=4),
        "c": Yield(requested=0, accepted=0),
    }
    seen = [(None, None), (scores, None), (None, yields), (scores, yields)]
    made = [
        make("policy", component("policy", "allocate", power=power, floor=floor))
        for power, floor in ((1.0, 0.05), (0.0, 0.0), (3.0, 0.5))
    ]
    acts = [
        policy.act(
            SkillListState(skills=("a", "b", "c"), scores=known, yields=given), 101, Tools(seed=0)
        )
        for policy in made
        for known, given in seen
    ]
    return [[act.allocation, act.reasons] for act in acts]


def test_the_policy_allocate_makes_what_its_number_says(tmp_path: Path) -> None:
    made = _policy(tmp_path)
    assert_golden("policy", "allocate", {1: "9838441ea1f18da8"}, made)


def test_another_rounding_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "dataenvgym_spec.gym.policies.allocate.share_out",
        lambda weights, amount: dict.fromkeys(weights, amount // len(weights)),
    )
    with pytest.raises(AssertionError):
        test_the_policy_allocate_makes_what_its_number_says(tmp_path)
