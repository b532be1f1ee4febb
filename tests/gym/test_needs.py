"""Options that are declared to need what an arm observes do nothing where it does not."""

from collections.abc import Callable, Collection
from typing import Any

import pytest

from dataenvgym_spec.gym.environments.protocol import SkillScore
from dataenvgym_spec.gym.environments.skill_list import SkillListState
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.language.declaration import OBSERVED
from dataenvgym_spec.records.plans import Yield
from tests.support.golden import component, make

SCORES = {"a": SkillScore(accuracy=0.9, items=20), "b": SkillScore(accuracy=0.1, items=20)}
YIELDS = {"a": Yield(requested=10, accepted=10), "b": Yield(requested=10, accepted=3)}


def _allocate(seen: Collection[str], options: dict[str, Any]) -> object:
    scores = SCORES if "scores" in seen else None
    yields = YIELDS if "yield" in seen else None
    state = SkillListState(skills=("a", "b"), scores=scores, yields=yields)
    return make("policy", component("policy", "allocate", **options)).act(state, 101, Tools(seed=0))


MADE: dict[tuple[str, str], Callable[[Collection[str], dict[str, Any]], object]] = {
    ("policy", "allocate"): _allocate
}
"""What each component that declares a need makes, of what is observed and its options."""
VALUES: dict[str, tuple[Any, Any]] = {"power": (0.5, 3.0), "floor": (0.0, 0.9)}
NEEDS = [
    (slot, kind, path[0], needs)
    for slot, kinds in definitions().items()
    for kind, item in kinds.items()
    for path, needs in item.marked("x-needs").items()
]


@pytest.mark.parametrize(("slot", "kind", "option", "needs"), NEEDS)
def test_an_option_acts_exactly_where_what_it_needs_is_seen(
    slot: str, kind: str, option: str, needs: list[str]
) -> None:
    one, other = ({option: value} for value in VALUES[option])
    make_one = MADE[slot, kind]
    blind = set(OBSERVED) - set(needs)
    assert make_one(blind, one) == make_one(blind, other)
    for seen in needs:
        assert make_one({seen}, one) != make_one({seen}, other)
