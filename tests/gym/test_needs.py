"""Options that are declared to need what an arm observes do nothing where it does not."""

from collections.abc import Callable, Collection, Iterator
from typing import Any

import pytest

from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.language.declaration import OBSERVED
from dataenvgym_spec.records.files import write_table
from dataenvgym_spec.records.plans import Yield
from dataenvgym_spec.resolve.files import built_in_templates
from tests.support import teachers
from tests.support.golden import OBSERVE, Workshop, bytes_of, component, families

BLIND = "nothing"
PORTS = {
    "errors": (("results", "{student}-shown", "shown"),),
    "scores": (("results", "{student}-hidden", "hidden"),),
    "yield": (("yield", "uneven", "yield"),),
}
"""What a plan reads where an arm observes it."""
STUDENTS = ("base", "taught", "base")
"""Whose answers each plan sees: what is taught changes what they can do."""
VALUES: dict[str, tuple[Any, Any]] = {
    "power": (0.5, 3.0),
    "floor": (0.0, 0.9),
    "n": (1, 2),
    "arms_per_step": (1, 2),
    "discount": (0.5, 0.9),
    "exploration": (0.0, 0.5),
    "prior_items": (5, 50),
    "mode": ("batched", "one-by-one"),
    "per_prompt": (10, 30),
    "least_reward": (-1.0, 1.0),
    "lowest": (0.0, 0.9),
    "highest": (0.1, 1.0),
    "gain": ("paired", "plain"),
    "errors": (0, 3),
}
BESIDE = {
    "threshold": {"increase": 5, "new_subskills": 2, "each": 9},
    "two-way": {"source": families(), "lowest": 0.3, "highest": 0.7, "new_subskills": 2, "each": 9},
}
"""The other options of a kind that has some which act everywhere."""
MOVES = {"most_new": 3, "most_each": 9, "most_active": 9, "most_allocation": 9}
PROMPT = built_in_templates()["builtin:propose-subskills"]
NEEDS = [
    (slot, kind, path[0], needs)
    for slot, kinds in definitions().items()
    for kind, item in kinds.items()
    for path, needs in item.marked("x-needs").items()
]


@pytest.fixture(autouse=True, scope="module")
def teacher() -> Iterator[None]:
    """A language model for whatever asks one."""
    with pytest.MonkeyPatch.context() as patch:
        teachers.install(patch, "filling", teachers.Filling)
        yield
    teachers.forget()


@pytest.fixture(scope="module")
def looped(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Everything up to the second plan of a loop."""
    made = Workshop(tmp_path_factory.mktemp("needs"))
    made.loop()
    for port in ("shown", "hidden"):
        made.answers(f"taught-{port}", "feedback", port)
    uneven = made.outs["uneven"] = tmp_path_factory.mktemp("uneven")
    yields = {
        "sum": Yield(requested=10, accepted=10),
        "gcd": Yield(requested=10, accepted=3),
    }
    (uneven / "yield").mkdir()
    write_table(uneven / "yield" / "yield.json", yields)
    return made


def _planned(looped: Workshop, kind: str, seen: Collection[str], options: dict[str, Any]) -> str:
    """The bytes that the stages of plans write, one after the other."""
    policy = component("policy", kind, **{**BESIDE.get(kind, {}), **options})
    observe = OBSERVE if seen else BLIND
    (works_in,) = definitions()["policy"][kind].serves["environment"]
    params = {"observe": observe, "policy": policy, "amount": 101, "seed": 7}
    if works_in == "skill-tree":
        params["environment"] = _tree()
    elif works_in != "skill-list":
        params["environment"] = component("environment", works_in)
    return _plans(looped, params, seen)


def _tree(**options: Any) -> dict[str, Any]:
    names = {skill: [f"{skill} {number}" for number in range(9)] for skill in ("sum", "gcd")}
    listed = component("proposer", "listed", lists=names)
    return component("environment", "skill-tree", subskills=listed, proposals=1, **options)


def _observed(looped: Workshop, kind: str, seen: Collection[str], options: dict[str, Any]) -> str:
    """The same, of plans in an environment with some options."""
    assert kind == "skill-tree"
    policy = component("policy", "threshold", least_reward=0.0, **BESIDE["threshold"])
    params = {"policy": policy, "environment": _tree(**options)}
    observe = OBSERVE if seen else BLIND
    return _plans(looped, {**params, "observe": observe, "amount": 101, "seed": 7}, seen)


def _proposed(looped: Workshop, kind: str, seen: Collection[str], options: dict[str, Any]) -> str:
    """The same, of plans whose subskills a proposer names, by a teacher that goes by the prompt."""
    said = {"topic": "", "per_call": 2, "existing": 9, "prompt": PROMPT, **options}
    proposer = component("proposer", kind, teacher=component("teacher", "filling"), **said)
    tree = component("environment", "skill-tree", subskills=proposer, proposals=1)
    policy = component("policy", "random-moves", **MOVES)
    params = {"policy": policy, "environment": tree}
    return _plans(looped, {**params, "observe": OBSERVE, "amount": 101, "seed": 7}, seen)


def _plans(looped: Workshop, params: dict[str, Any], seen: Collection[str]) -> str:
    works_in = params.get("environment", {}).get("kind", "skill-list")
    start, names = len(looped.outs), list[str]()
    for student in STUDENTS:
        reads = [("skills", "skills", "skills")] if works_in != "open-ended" else []
        for slot, stage, port in (port for name in seen for port in PORTS[name]):
            # An agent that has not taught yet has no yield to look at.
            if slot != "yield" or names:
                reads.append((slot, stage.format(student=student), port))
        reads += [("state", before, "state") for before in names[-1:]]
        names.append(f"plan-{start}-{len(names)}")
        looped.run(names[-1], "plan", params, tuple(reads))
    return bytes_of(*(looped.outs[name] for name in names))


STAGES: dict[str, Callable[[Workshop, str, Collection[str], dict[str, Any]], str]] = {
    "policy": _planned,
    "environment": _observed,
    "proposer": _proposed,
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
