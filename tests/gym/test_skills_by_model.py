"""Skills that a language model finds: in parts of bounded size, and with a stated end for whatever it does not answer."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.skills.llm import SkillsByModel
from dataenvgym_spec.gym.teachers.protocol import Ask
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.resolve.files import built_in_templates
from tests.support.golden import assert_golden
from tests.support.graphs import findings
from tests.support.specs import TINY
from tests.support.teachers import Scripted, reply

Say = Callable[[Ask], str]


def discovery(teacher: Scripted, **options: Any) -> SkillsByModel:
    """With the defaults of its definition."""
    known = definition("discovery", "llm").schema["properties"]
    defaults = {name: option["default"] for name, option in known.items() if "default" in option}
    for name, text in built_in_templates().items():
        defaults = {key: text if value == name else value for key, value in defaults.items()}
    return SkillsByModel(**{**defaults, "teacher": teacher, **options})


def listed(prompt: str) -> list[tuple[int, str]]:
    """What a prompt numbers."""
    asked = re.findall(r"^Question (\d+):\n(.*)$", prompt, re.M)
    pairs = asked or re.findall(r"^(\d+)\. (.*)$", prompt, re.M)
    return [(int(number), text) for number, text in pairs]


def labels(prompt: str) -> str:
    """Labels questions by their last word, and by nothing where they have none."""
    rows = [
        {"number": number, "label": " ".join(text.split()[-1:])} for number, text in listed(prompt)
    ]
    return json.dumps({"labels": rows})


def groups(prompt: str, key: Callable[[str], str] = lambda label: label[0]) -> str:
    """Groups labels by their first letter."""
    found: dict[str, list[int]] = {}
    for number, label in listed(prompt):
        found.setdefault(key(label.partition(":")[0]), []).append(number)
    rows = [
        {"name": f"{name}-words", "description": f"of {name}", "members": numbers}
        for name, numbers in found.items()
    ]
    return json.dumps({"skills": rows})


def model(ask: Ask, _sample: int = 0) -> str:
    """Does as it is asked, and assigns by the first letter of the question's last word."""
    prompt, shape = ask.messages[-1].content, ask.shape["properties"]
    if "labels" in shape:
        return labels(prompt)
    if "skills" in shape:
        return groups(prompt)
    wanted = f"{_question(prompt).split()[-1][0]}-words"
    return json.dumps({"skill": wanted})


def _question(prompt: str) -> str:
    return prompt.partition("call for most?")[2].partition("Reply")[0].strip()


def questions(*words: str) -> list[Item]:
    return [
        Item(id=f"{number:04}", input=f"What is {word}", target="", group="", cluster="")
        for number, word in enumerate(words)
    ]


def test_questions_are_labelled_labels_grouped_and_others_assigned_to_a_group() -> None:
    teacher = Scripted(says=model)
    made = discovery(teacher, topic="words")
    found = made.discover(questions("apple", "avocado", "banana", "apple", "blueberry"))
    assert (found.skills, found.fallback) == (("a-words", "b-words"), "other")
    assert list(found.items.values()) == ["a-words", "a-words", "b-words", "a-words", "b-words"]
    assert found.descriptions == {"a-words": "of a", "b-words": "of b"}
    (hidden,) = questions("berry")
    ask = made.assign(hidden, found)
    assert ask.shape["properties"]["skill"]["enum"] == ["a-words", "b-words"]
    assert (
        "on words teaches" in ask.messages[-1].content
        and "- a-words: of a" in ask.messages[-1].content
    )
    assert made.read(reply(ask, model(ask)), found) == "b-words"
    assert_golden(
        "discovery",
        "llm",
        {1: "bb684d135fd248b9", 2: "e84acb9c595eff5a"},
        [found.plain(), ask.plain(), teacher.prompts],
    )


def test_no_prompt_grows_with_the_items() -> None:
    """Three thousand items with two thousand labels: no prompt shows more of them than it may."""
    words = [
        f"{chr(97 + number % 7)}{chr(97 + number % 23)}{number % 2000}" for number in range(3000)
    ]
    teacher = Scripted(says=model)
    found = discovery(teacher, labels_per_prompt=50, items_per_prompt=20).discover(
        questions(*words)
    )
    assert found.skills == tuple(f"{letter}-words" for letter in "abcdefg")
    assert len(found.items) == 3000
    assert {len(listed(prompt)) for prompt in teacher.prompts} <= {*range(51)}
    assert max(map(len, teacher.prompts)) < 5000


def test_a_long_question_is_cut_and_parts_are_asked_at_once() -> None:
    teacher = Scripted(says=model)
    made = discovery(teacher, longest=100, items_per_prompt=2)
    made.discover(questions(*(f"{'x' * 500} {word}" for word in "abc")))
    assert max(map(len, teacher.prompts)) < 1000
    assert [len(batch) for batch in teacher.batches] == [2, 1]  # all of a step in one call


def broken(kind: str, text: str) -> Say:
    """A model that says something else where it is asked for a kind of answer."""

    def says(ask: Ask, sample: int) -> str:
        return text if kind in ask.shape["properties"] else model(ask, sample)

    return says


WRONG = ["", "no JSON", "[]", "{}", '{"labels": 3, "skills": 3, "skill": 3}', '{"labels": [3, {"number": 99}], "skills": [3, {"name": ""}, {"name": "n", "members": [99]}], "skill": "unheard"}']  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_what_is_not_answered_ends_in_the_fallback(text: str) -> None:
    asked = questions("apple", "banana")
    # Without labels, nothing can be grouped, and each item falls back.
    found = discovery(Scripted(says=broken("labels", text)), fallback="rest").discover(asked)
    assert (found.skills, {*found.items.values()}) == (("rest",), {"rest"})
    # Nor is anybody asked to choose where there is no choice.
    made = discovery(Scripted(says=model), fallback="rest")
    assert made.assign(asked[0], found) == "rest"
    # Without groups, the labels are the skills.
    found = discovery(Scripted(says=broken("skills", text)), fallback="rest").discover(asked)
    assert (found.skills, [*found.items.values()]) == (
        ("apple", "banana"),
        ["apple", "banana"],
    )
    # An assignment that cannot be read is the fallback too.
    made = discovery(Scripted(says=broken("skill", text)))
    found = made.discover(asked)
    ask = made.assign(asked[0], found)
    assert made.read(reply(ask, text), found) == "other"
    assert made.read(reply(ask, '{"skill": "a-words"}', finish="length"), found) == "other"


def test_what_an_answer_leaves_out_is_asked_again_alone_and_then_assigned() -> None:
    def forgetful(ask: Ask, sample: int) -> str:
        said = json.loads(model(ask, sample))
        for key in ("labels", "skills"):
            said[key] = said.get(key, [])[:1]
        return json.dumps(said)

    teacher = Scripted(says=forgetful)
    made = discovery(teacher)
    found = made.discover(questions("apple", "banana", "avocado"))
    assert [len(batch) for batch in teacher.batches] == [1, 2, 1, 1]
    assert found.skills == ("a-words", "other")
    assert [*found.items.values()] == ["a-words", "other", "a-words"]
    (ask,) = (made.assign(item, found) for item in questions("apricot"))
    assert ask.shape["properties"]["skill"]["enum"] == ["a-words"]  # the fallback is no choice


def test_of_more_groups_than_may_be_the_largest_are_kept() -> None:
    def splitting(ask: Ask, sample: int) -> str:
        if "skills" not in ask.shape["properties"]:
            return model(ask, sample)
        return groups(ask.messages[-1].content, key=str)

    words = ["apple"] * 3 + ["banana"] * 2 + ["cherry", "date"]
    found = discovery(Scripted(says=splitting), largest=2).discover(questions(*words))
    assert found.skills == ("apple-words", "banana-words", "other")


def test_a_template_of_ones_own_is_used_and_one_that_fails_is_told() -> None:
    teacher = Scripted(says=model)
    own = "{% for item in items %}Question {{ item.number }}:\n{{ item.text }}\n{% endfor %}"
    discovery(teacher, label_template=own).discover(questions("apple"))
    assert teacher.prompts[0] == "Question 1:\nWhat is apple\n"
    with pytest.raises(StageError, match="template"):
        discovery(teacher, label_template="{{ item.text }}").discover(questions("a"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("kind: llm", "'teacher'"),
        ("kind: llm, teacher: nobody", "nobody"),
        ("kind: llm, teacher: generator", "generator"),
        ("kind: clusters, count: 60", "60 skills cannot be made of"),
        ("kind: clusters, fewest: 60", "60 skills cannot be made of"),
    ],
)
def test_what_cannot_work_is_told_before_anything_runs(options: str, said: str, tmp_path) -> None:
    found = findings(tmp_path, TINY.replace("{kind: gold}", f"{{{options}}}"))
    assert len(found) == 1 and said in found[0].message and found[0].span is not None
