"""Kinds of tasks: what of a question counts, and the prompts that each has of its own."""

import pytest

from dataenvgym_spec.compile.rules.templates import names_in
from dataenvgym_spec.gym.prompt import TextTemplate
from dataenvgym_spec.language.components import definition, definitions
from dataenvgym_spec.records.items import item_id
from dataenvgym_spec.records.plans import Like
from dataenvgym_spec.resolve.files import built_in_templates, template_text
from tests.support.golden import assert_golden

CODE = definition("task", "code")
QUESTIONS = ("a  B", "A b", "if a:\n  b()", "if a:\nb()\r\n", "    if a:\n      b()\n")
"""Questions that differ in case, white space, indentation and how lines end."""


@pytest.mark.parametrize(
    "kind", [kind for kind, item in definitions()["task"].items() if item.prompts]
)
def test_the_prompts_of_a_kind_use_what_they_are_given(kind: str) -> None:
    """Each stands in for a built-in one, with what the options give that name that by default."""
    task, seen = definition("task", kind), set()
    for kinds in definitions().values():
        for item in kinds.values():
            for path, names in item.marked("x-names").items():
                schema = item.schema
                for step in path:
                    schema = schema["properties"][step]
                name = schema["default"].removeprefix("builtin:")
                text = task.prompts.get(name, "")
                assert names_in(text) <= {*names}, (item.slot, item.kind, name)
                if text:
                    seen.add(name)
                    assert text != built_in_templates()[f"builtin:{name}"]
    assert seen == {*task.prompts}


def test_a_teacher_of_programs_is_shown_their_lines_and_asked_for_whole_ones() -> None:
    program = "def f(x):\n    return x"
    like = [Like(input="Return x.", target=program, group="all")]
    given = {"task": "", "skill": "loops", "subskill": None, "brief": None, "count": 2, "call": 1}
    more = {"calls": 1, "like": like, "errors": [], "existing": [], "reasoning": False}
    text = TextTemplate(template_text("builtin:examples", CODE)).render(**given, **more)
    assert f"Problem:\nReturn x.\nSolution:\n{program}\n" in text
    assert 'Write 2 new problems of the skill "loops".\n' in text
    answer = TextTemplate(template_text("builtin:answer", CODE)).render(
        input=program, reasoning=True
    )
    assert f"\n\n{program}\n\n" in answer and '"reasoning"' in answer


def identities(kind: str) -> list[str]:
    form = definition("task", kind).ignores
    return [item_id(question, form=form) for question in QUESTIONS]


def test_what_counts_in_each_kind() -> None:
    assert_golden("task", "math", {1: "8d36451ff35a8081"}, identities("math"))
    assert_golden("task", "code", {1: "69aa2a47782e59bc"}, identities("code"))
    assert_golden("task", "tool-use", {1: "4b25abf2fe302d53"}, identities("tool-use"))
    assert_golden("task", "vqa", {1: "8d36451ff35a8081"}, identities("vqa"))
    words, lines = identities("math"), identities("code")
    assert words[0] == words[1] and len({*words[2:]}) == 1
    assert lines[0] != lines[1] and lines[2] == lines[4] != lines[3]
