"""Options that are declared to need what an arm observes do nothing where it does not."""

from collections.abc import Callable, Collection
from typing import Any

import pytest

from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.language.declaration import OBSERVED
from dataenvgym_spec.records.files import write_table
from dataenvgym_spec.records.plans import Yield
from tests.support.golden import OBSERVE, Workshop, bytes_of, component

BLIND = "nothing"
PORTS = {
    "scores": (
        ("results", "base-shown", "shown"),
        ("results", "base-hidden", "hidden"),
    ),
    "yield": (("yield", "uneven", "yield"),),
}
"""What a plan reads where an arm observes it."""
VALUES: dict[str, tuple[Any, Any]] = {"power": (0.5, 3.0), "floor": (0.0, 0.9), "n": (1, 2)}
NEEDS = [
    (slot, kind, path[0], needs)
    for slot, kinds in definitions().items()
    for kind, item in kinds.items()
    for path, needs in item.marked("x-needs").items()
]


@pytest.fixture(scope="module")
def looped(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Everything up to the second plan of a loop."""
    made = Workshop(tmp_path_factory.mktemp("needs"))
    made.loop()
    uneven = made.outs["uneven"] = tmp_path_factory.mktemp("uneven")
    yields = {
        "sum": Yield(requested=10, accepted=10),
        "gcd": Yield(requested=10, accepted=3),
    }
    (uneven / "yield").mkdir()
    write_table(uneven / "yield" / "yield.json", yields)
    return made


def _planned(looped: Workshop, kind: str, seen: Collection[str], options: dict[str, Any]) -> str:
    """The bytes that the stages of two plans write."""
    policy = component("policy", kind, **options)
    observe = OBSERVE if seen else BLIND
    params = {"observe": observe, "policy": policy, "amount": 101, "seed": 7}
    reads = [("skills", "skills", "skills"), *(port for name in seen for port in PORTS[name])]
    first, second = (f"plan-{len(looped.outs)}-{turn}" for turn in (1, 2))
    # An agent that has not taught yet has no yield to look at.
    looped.run(first, "plan", params, tuple(port for port in reads if port[0] != "yield"))
    looped.run(second, "plan", params, (*reads, ("state", first, "state")))
    return bytes_of(looped.outs[first], looped.outs[second])


STAGES: dict[str, Callable[[Workshop, str, Collection[str], dict[str, Any]], str]] = {
    "policy": _planned
}
"""The stages that components of a slot act in, of what is observed and their options."""


@pytest.mark.parametrize(("slot", "kind", "option", "needs"), NEEDS)
def test_an_option_changes_the_bytes_of_stages_exactly_where_what_it_needs_is_seen(
    looped: Workshop, slot: str, kind: str, option: str, needs: list[str]
) -> None:
    def written(seen: Collection[str], value: Any) -> str:
        return STAGES[slot](looped, kind, seen, {option: value})

    one, other = VALUES[option]
    blind = [name for name in OBSERVED if name not in needs and name in PORTS]
    for unseen in ([], blind):
        assert written(unseen, one) == written(unseen, other)
    for seen in needs:
        assert written([seen], one) != written([seen], other)
