"""The policy that asks a language model: what it is shown, what it may say in each environment, and what holds if it says nothing."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.shapes import Shape
from dataenvgym_spec.gym.environments.contract import Contract, Unfit
from dataenvgym_spec.gym.environments.open_ended import OpenEndedAction, OpenEndedState
from dataenvgym_spec.gym.environments.protocol import Action, SkillScore, State
from dataenvgym_spec.gym.environments.schemas import record_schema
from dataenvgym_spec.gym.environments.skill_list import Allocation, SkillListState
from dataenvgym_spec.gym.environments.skill_tree import SkillTreeAction, SkillTreeState
from dataenvgym_spec.gym.policies.llm import PolicyByModel
from dataenvgym_spec.gym.showing import image_of
from dataenvgym_spec.gym.tasks.media import picture_of
from dataenvgym_spec.gym.teachers.chat import _is_strict
from dataenvgym_spec.gym.teachers.protocol import Ask
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.plans import ShownError, Step
from dataenvgym_spec.records.skills import Explore
from dataenvgym_spec.resolve.files import built_in_templates
from tests.support import states as lists
from tests.support import trees
from tests.support.golden import assert_golden, component, make
from tests.support.graphs import findings
from tests.support.images import drawn
from tests.support.specs import TINY, TREE
from tests.support.teachers import Filling, Scripted, filled, reply

USUAL: dict[str, Any] = {
    "prompt": built_in_templates()["builtin:decide"], "topic": "sums", "history": 2, "errors": 3, "corrections": 2
}  # fmt: skip
ERRORS = tuple(
    ShownError(id=f"e{n}", input=f"Q{n}" + "x" * 5000, target=f"right {n}", prediction="wrong")
    for n in range(40)
)
STEP = Step(allocation={"a": 1}, reasons={"a": "to see"})
STATES: dict[str, list[State]] = {
    "skill-list": list(lists.states()),
    "skill-tree": list(trees.states()),
    "open-ended": [OpenEndedState(), OpenEndedState(errors=()), OpenEndedState(errors=ERRORS, per_request=2, score=SkillScore(accuracy=0.5, items=8))],
}  # fmt: skip
BUDGET = 60


def environment(kind: str) -> Any:
    return trees.environment() if kind == "skill-tree" else make("environment", component("environment", kind))  # fmt: skip


def contract(kind: str, state: State) -> Contract:
    return Contract.of(environment(kind), state, BUDGET, kind=kind)


def act(kind: str, state: State, teacher: Any, **options: Any) -> Action:
    tools = Tools(seed=4, contract=contract(kind, state))
    return PolicyByModel(teacher=teacher, **{**USUAL, **options}).act(state, BUDGET, tools)


EVERY = [(kind, number) for kind, states in STATES.items() for number in range(len(states))]


@pytest.mark.parametrize(("kind", "number"), EVERY)
def test_all_that_fits_the_shape_of_a_state_can_be_carried_out(kind: str, number: int) -> None:
    """Whatever a model writes by the shape is an action, of which the environment makes requests."""
    state, made = STATES[kind][number], environment(kind)
    what = contract(kind, state)
    shape = what.shape()
    Draft202012Validator.check_schema(shape)
    assert _is_strict(shape)  # services that hold answers to a schema take it as it is
    published = Draft202012Validator(record_schema(made.action))
    for seed in range(8):
        content = filled(shape, random.Random(seed))
        assert Shape(shape).fault(json.dumps(content)) is None
        published.validate(content)
        action = made.complete(state, what.read(content), BUDGET, Tools(seed=1))
        made.advance(state, action, {})
        assert all(request.count >= 0 for request in made.requests(state, action, BUDGET))


@pytest.mark.parametrize(("kind", "number"), EVERY)
def test_where_nothing_usable_is_said_the_fallback_holds_and_says_so(
    kind: str, number: int
) -> None:
    state, made = STATES[kind][number], environment(kind)
    teacher = Scripted(says=lambda _ask, _sample: '{"moves": 3}')
    action = act(kind, state, teacher)
    assert len(teacher.asked) == 3 and len({ask.seed for ask in teacher.asked}) == 3
    assert action.reasons and all("no usable answer" in why for why in action.reasons.values())
    complete = made.complete(state, action, BUDGET, Tools(seed=1))
    assert sum(request.count for request in made.requests(state, complete, BUDGET)) > 0


def test_what_each_environment_falls_back_on() -> None:
    none = Scripted(says=lambda _ask, _sample: "")
    shared = act("skill-list", SkillListState(skills=("a", "b")), none)
    assert isinstance(shared, Allocation) and shared.allocation == {"a": 30, "b": 30}
    fixed = act("open-ended", STATES["open-ended"][2], none)
    assert isinstance(fixed, OpenEndedAction) and [w.count for w in fixed.wanted] == [BUDGET]
    bare = {"a": trees.tree(), "b": trees.tree(trees.part("x", 3))}
    grown = act("skill-tree", SkillTreeState(trees=bare), none)
    assert isinstance(grown, SkillTreeAction)
    assert grown.moves == {"a": Explore(count=2, allocation=15)}


def test_it_decides_by_what_it_is_shown() -> None:
    said = {"reasons": {"a": "weak"}, "allocation": {"a": 50, "b": 10}}
    teacher = Scripted(says=lambda _ask, _sample: json.dumps(said))
    score = {"a": SkillScore(accuracy=1 / 3, items=12)}
    state = SkillListState(skills=("a", "b"), scores=score, history=(STEP,) * 9)
    action = act("skill-list", state, teacher)
    assert action == Allocation(allocation={"a": 50, "b": 10}, reasons={"a": "weak"})
    (prompt,) = teacher.prompts
    assert "sums" in prompt and "60 examples" in prompt
    assert '"a": {"accuracy": 0.3333, "items": 12}' in prompt and prompt.count("to see") == 2
    assert_golden(
        "policy", "llm", {1: "9661af2bb2b129eb"}, [teacher.prompts, teacher.asked[0].shape]
    )


def test_a_blind_arm_shows_no_score() -> None:
    prompts = []
    for kind, state in (
        ("skill-list", SkillListState(skills=("a",))),
        ("skill-tree", SkillTreeState(trees={"a": trees.tree(trees.part("x", 3))})),
        ("open-ended", OpenEndedState()),
    ):
        teacher = Scripted(says=lambda _ask, _sample: "")
        act(kind, state, teacher, corrections=0)
        prompts += teacher.prompts
    stated = [prompt.partition("as JSON")[2] for prompt in prompts]
    assert len(stated) == 3
    assert not [it for it in stated if "accuracy" in it or "reward" in it or "errors" in it]


def test_a_prompt_does_not_grow_with_iterations_errors_or_what_is_measured() -> None:
    teacher = Scripted(says=lambda _ask, _sample: "")
    many = OpenEndedState(errors=ERRORS * 9, per_request=2, history=(STEP,) * 500)
    act("open-ended", many, teacher, corrections=0)
    made = trees.environment()
    seeing = trees.seen({skill: [0, 1] * 400 for skill in trees.SKILLS}, by="one")
    state = msgspec.structs.replace(made.observe(seeing, None), history=(STEP,) * 500)
    act("skill-tree", state, teacher, corrections=0)
    short, tree = teacher.prompts
    assert len(short) < 9000 and '"errors_in_all": 360' in short and short.count("right") == 3
    assert len(tree) < 4000 and '"interval": [0.4' in tree and "sum-17" not in tree


def said_in_turn(*texts: str) -> Callable[[Ask, int], str]:
    left = iter(texts)
    return lambda _ask, _sample: next(left)


def test_what_cannot_be_carried_out_is_asked_again_with_the_fault() -> None:
    wrong = {"moves": {"sum": {"kind": "exploit", "delta": {"zeroes": 1}}}}
    right = {"moves": {"sum": {"kind": "exploit", "delta": {"zeros": 1}}}}
    teacher = Scripted(says=said_in_turn("no JSON", json.dumps(wrong), json.dumps(right)))
    state = SkillTreeState(trees={"sum": trees.tree(trees.part("zeros", 3))})
    action = act("skill-tree", state, teacher)
    assert isinstance(action, SkillTreeAction) and action.plain()["moves"] == right["moves"]
    first, second, third = teacher.asked
    assert [len(ask.messages) for ask in (first, second, third)] == [1, 3, 3]
    assert "not JSON" in second.messages[-1].content
    assert "'zeroes'" in third.messages[-1].content and "'zeros'" in third.messages[-1].content


def test_a_refusal_is_asked_again_without_what_was_said() -> None:
    teacher = Scripted(says=lambda ask, _sample: reply(ask, "I cannot", finish="refusal"))
    action = act("skill-list", SkillListState(skills=("a",)), teacher, corrections=1)
    assert action.reasons["a"].startswith("equal amounts; ") and "(refusal)" in action.reasons["a"]
    assert [len(ask.messages) for ask in teacher.asked] == [1, 1]


@pytest.mark.parametrize(
    ("kind", "content", "told"),
    [
        ("skill-list", [], "Expected `object`"),
        ("skill-list", {"allocation": {"a": "3"}}, "$.allocation[...]"),
        ("skill-list", {"allocation": {"A": 3}}, "the skill 'A', which there is not"),
        ("skill-list", {"allocation": {"a": 0}}, "asks for no example"),
        ("skill-list", {"allocation": {"a": -3}}, "-3 examples of the skill 'a'"),
        ("skill-list", {"allocations": {"a": 3}}, "missing required field `allocation`"),
        ("skill-list", {"allocation": {"a": 3}, "reason": {}}, "at `$` is 'reason'"),
        ("skill-tree", {"moves": {"sum": {"kind": "prune"}}}, "$.moves[...].kind"),
        ("skill-tree", {"moves": {"sun": {"kind": "explore", "count": 1, "allocation": 1}}}, "the skill 'sun'"),
        ("skill-tree", {"moves": {"sum": {"kind": "explore", "count": 1, "allocation": 1, "subskill": []}}}, "at `$.moves.sum` is 'subskill'"),
        ("skill-tree", {"moves": {"sum": {"kind": "explore", "count": 10**9, "allocation": 1}}}, "1,000,000,000 new subskills of 'sum'"),
        ("open-ended", {"wanted": []}, "asks for no example"),
        ("open-ended", {"wanted": [{"count": 1}, {"count": 1, "show": ["e99"]}]}, "request 2 shows 'e99'"),
        ("open-ended", {"wanted": [{"count": -1}]}, "request 1 asks for -1 examples"),
        ("open-ended", {"wanted": [{"count": 1, "likes": []}]}, "at `$.wanted[0]` is 'likes'"),
    ],
)  # fmt: skip
def test_what_is_no_action_is_refused_with_its_place(kind: str, content: Any, told: str) -> None:
    state = SkillListState(skills=("a", "b")) if kind == "skill-list" else STATES[kind][2]
    with pytest.raises(Unfit) as refused:
        contract(kind, state).read(content)
    assert told in str(refused.value)


def test_an_environment_of_a_package_need_not_help() -> None:
    """Then the shape is the published schema of its action, and there is nothing to fall back on."""

    class Bare:
        action = Allocation

    what = Contract.of(
        Bare(), SkillListState(), BUDGET, kind="bare", words="Skills stand side by side."
    )  # type: ignore[arg-type]
    assert what.shape()["required"] == ["allocation"]
    assert what.words.startswith("Skills stand") and '"allocation"' in what.words
    assert what.read({"allocation": {"any": 2}}) == Allocation(allocation={"any": 2})
    with pytest.raises(StageError, match="Bare has no action"):
        what.fallback()


def test_any_words_of_a_model_end_in_a_plan() -> None:
    for kind, number in EVERY:
        reasons = act(kind, STATES[kind][number], Filling()).reasons
        assert not [why for why in reasons.values() if "no usable answer" in why]


@pytest.mark.parametrize("where", ["skill-list", "open-ended", TREE])
def test_it_serves_every_environment_and_its_plans_promise_nothing(
    tmp_path: Path, where: str
) -> None:
    text = TINY.replace("skill-list", where).replace("kind: allocate, power: 1.0, floor: 0.2", "kind: llm, teacher: writer")  # fmt: skip
    text = text.replace("teachers:\n", "teachers:\n  writer: {kind: openai, model: m}\n")
    assert not findings(tmp_path, text)
    procedural = text.replace("teacher: writer", "teacher: generator")
    assert {it.code for it in findings(tmp_path, procedural)} == {"E204"}


def test_a_teacher_that_sees_is_shown_what_errors_are_about(tmp_path: Path) -> None:
    pictures = {}
    for error in ERRORS[:30]:  # the others have no image
        content = drawn(colour=int(error.id[1:]))
        picture = picture_of(content)
        (tmp_path / picture.file).parent.mkdir(exist_ok=True)
        (tmp_path / picture.file).write_bytes(content)
        pictures[error.id] = (picture,)
    state = STATES["open-ended"][2]
    asked = []
    for shows in (True, None):
        teacher = Scripted(says=lambda _ask, _sample: "")
        policy = PolicyByModel(teacher=teacher, **USUAL, show_images=shows)
        file = lambda picture: tmp_path / picture.file  # noqa: E731
        policy.act(
            state,
            BUDGET,
            Tools(seed=4, contract=contract("open-ended", state), pictures=pictures, file=file),
        )
        asked.append(teacher.asked)
    seen, told = asked[0][0].messages[-1], asked[1][0].messages[-1]
    (state_shown,) = (line for line in seen.content.splitlines() if line.startswith("{"))
    shown = [error["id"] for error in json.loads(state_shown)["errors"]]
    expected = [
        image_of(tmp_path / one.file, one.media) for name in shown for one in pictures.get(name, ())
    ]
    assert len(shown) == 3 and expected and list(seen.images) == expected
    assert (
        seen.content
        == f"{told.content}\n\nThe images that these errors are about are shown, in the order of the errors."
    )
    # Asked again, it still sees them.
    assert all(list(ask.messages[0].images) == expected for ask in asked[0])
    assert not any(message.images for ask in asked[1] for message in ask.messages)
