"""The proposer that asks a language model: bounded prompts, and a stated end for whatever it does not answer."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.gym.environments.growth import named
from dataenvgym_spec.gym.proposers.llm import SubskillsByModel
from dataenvgym_spec.gym.proposers.protocol import Wanted
from dataenvgym_spec.gym.teachers.protocol import Ask
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.plans import ShownError
from dataenvgym_spec.records.skills import Explore
from dataenvgym_spec.resolve.files import built_in_templates
from tests.support.golden import assert_golden
from tests.support.graphs import findings
from tests.support.specs import EXACT, TINY
from tests.support.teachers import Scripted, reply
from tests.support.trees import SKILLS, environment, seen, turn

PROMPT = built_in_templates()["builtin:propose-subskills"]
USUAL: dict[str, Any] = {
    "prompt": PROMPT, "topic": "", "per_call": 20, "existing": 100, "errors": 2
}  # fmt: skip
WRONG = ["", "no JSON", "[]", '{"subskills": 3}', '{"subskills": [3, null, " "]}', "{}"]


def proposer(teacher: Scripted, **options: Any) -> SubskillsByModel:
    return SubskillsByModel(teacher=teacher, **{**USUAL, **options})


def names(ask: Ask, _sample: int = 0) -> str:
    """As many new names as there may be, numbered on from what the prompt shows."""
    listed = ask.shape["properties"]["subskills"]
    there = len(re.findall(r"^- ", ask.messages[-1].content, re.M))
    return json.dumps({"subskills": [f"part {there + n}" for n in range(listed["maxItems"])]})


def wanted(count: int, *present: str) -> list[Wanted]:
    return [Wanted(skill=skill, count=count, present=present) for skill in ("sum", "gcd")]


def errors(count: int) -> dict[str, tuple[ShownError, ...]]:
    rows = [
        ShownError(id=str(n), input=f"Q{n}" + "x" * 9000, target=f"right {n}", prediction="wrong")
        for n in range(count)
    ]
    return {"sum": tuple(rows)}


def test_it_names_what_is_wanted_and_is_asked_about_all_skills_at_once() -> None:
    teacher = Scripted(says=names)
    tools = Tools(seed=3, errors=errors(3))
    made = proposer(teacher, topic="arithmetic").propose(wanted(3, "zeros"), tools)
    assert made == {skill: ["part 1", "part 2", "part 3"] for skill in ("sum", "gcd")}
    assert [len(batch) for batch in teacher.batches] == [2]
    of_sum, of_gcd = teacher.prompts
    assert 'the skill "sum" of arithmetic' in of_sum and "Name 3 new subskills" in of_sum
    assert "- zeros" in of_sum and "right 1" in of_sum and "right 2" not in of_sum
    assert "Answer of the student" not in of_gcd
    assert len({ask.seed for ask in teacher.asked}) == 2
    assert_golden("proposer", "llm", {1: "0c995b2fd5007fe1"}, [made, teacher.prompts])


def test_no_prompt_grows_with_the_tree_or_with_the_errors() -> None:
    teacher = Scripted(says=names)
    present = [f"subskill number {number}" for number in range(5000)]
    tools = Tools(seed=3, errors=errors(500))
    proposer(teacher, per_call=10, existing=30).propose(wanted(25, *present), tools)
    assert [len(re.findall("^- ", prompt, re.M)) for prompt in teacher.prompts] == [30] * 6
    assert "subskill number 4999" in teacher.prompts[0]
    assert max(map(len, teacher.prompts)) < 6000
    assert ["batch 2 of 3" in prompt for prompt in teacher.prompts] == [False, True, False] * 2
    shown = [re.findall(r"right (\d+)", prompt) for prompt in teacher.prompts[:3]]
    assert shown == [["0", "1"], ["2", "3"], ["4", "5"]]


def test_nothing_is_asked_where_nothing_is_wanted() -> None:
    teacher = Scripted(says=names)
    assert proposer(teacher).propose(wanted(0), Tools(seed=3)) == {"sum": [], "gcd": []}
    assert proposer(teacher).propose([], Tools(seed=3)) == {} and not teacher.asked


def test_a_tree_grows_by_its_names_and_a_repeated_one_is_asked_for_again() -> None:
    said = iter([["zeros", " Zeros ", "carrying"], ["signs", "carrying"]])
    teacher = Scripted(says=lambda _ask, _sample: json.dumps({"subskills": next(said)}))
    made = environment(proposer(teacher))
    _, requests, after = turn(made, seen(), None, sum=Explore(count=3, allocation=4))
    assert after.trees["sum"].names == ("zeros", "carrying", "signs")
    assert after.trees["sum"].missing == 0
    assert [request.id for request in requests] == [named("sum", name) for name in after.trees["sum"].names]  # fmt: skip
    first, second = teacher.asked
    assert first.seed != second.seed
    again = second.messages[-1].content
    assert "Name 1 new subskill of it" in again and "- zeros\n- carrying\n" in again


@pytest.mark.parametrize("text", WRONG)
def test_what_is_not_answered_is_missing_and_no_error(text: str) -> None:
    """Every skill is asked about as often as the environment says; then the state says what is missing."""
    teacher = Scripted(says=lambda ask, _sample: names(ask) if '"gcd"' in ask.messages[-1].content else text)  # fmt: skip
    made = environment(proposer(teacher), proposals=2)
    moves = {skill: Explore(count=2, allocation=4) for skill in SKILLS}
    _, _, after = turn(made, seen(), None, **moves)
    assert [after.trees[skill].missing for skill in SKILLS] == [2, 0, 2]
    assert [len(batch) for batch in teacher.batches] == [3, 2]


@pytest.mark.parametrize("finish", ["refusal", "length", "empty", "invalid"])
def test_an_answer_that_is_not_whole_names_nothing(finish: str) -> None:
    teacher = Scripted(says=lambda ask, _sample: reply(ask, names(ask), finish=finish))
    made = proposer(teacher).propose(wanted(2), Tools(seed=3))
    assert made == {"sum": [], "gcd": []}


def test_what_it_names_a_procedural_source_cannot_draw(tmp_path: Path) -> None:
    tree = "{kind: skill-tree, subskills: {kind: llm, teacher: writer}}"
    text = TINY.replace("skill-list", tree).replace("kind: allocate, power: 1.0, floor: 0.2", "kind: threshold")  # fmt: skip
    text = text.replace("teachers:\n", "teachers:\n  writer: {kind: openai, model: m}\n")
    (found,) = {(it.code, it.message) for it in findings(tmp_path, text)}
    assert found[0] == "E204" and "what 'llm' proposes need not be its variants" in found[1]
    other = text.replace("kind: procedural, teacher: generator, oversample: 2", "kind: llm, teacher: writer")  # fmt: skip
    assert not findings(tmp_path, other.replace(*EXACT))
