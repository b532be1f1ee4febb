"""The engine that asks a language model: as many as are asked for, whatever the teacher replies."""

import json
from collections import Counter
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataenvgym_spec.gym.engines.llm import Llm
from dataenvgym_spec.gym.showing import LONGEST
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.items import item_id
from dataenvgym_spec.records.plans import Like, Request, ShownError
from dataenvgym_spec.records.turns import ToolSchema, Turn
from dataenvgym_spec.resolve.files import built_in_templates, template_text
from tests.support.golden import assert_golden, requests
from tests.support.teachers import Scripted, examples, reply

PROMPT = built_in_templates()["builtin:examples"]
ANSWER = built_in_templates()["builtin:answer"]
USUAL: dict[str, Any] = {
    "prompt": PROMPT, "task": "", "per_call": 4, "oversample": 1.0, "top_up": 2, "errors": 2, "existing": 3, "reasoning": False,
}  # fmt: skip


def engine(teacher: Scripted, **options: Any) -> Llm:
    return Llm(teacher=teacher, **{**USUAL, **options})


def solving(teacher: Scripted, samples: int = 1) -> dict[str, Any]:
    return {"teacher": teacher, "prompt": ANSWER, "samples": samples}


def error(name: str) -> ShownError:
    return ShownError(
        id=name, input=f"Q-{name}", target=f"right {name}", prediction=f"wrong {name}"
    )


def made(made_by: Llm, asked: list[Request], tools: Tools | None = None) -> list[Example]:
    return list(made_by.generate(asked, tools or Tools(seed=1)))


def amounts(found: list[Example]) -> Counter[str]:
    return Counter(example.asked_by for example in found)


def test_it_makes_what_is_asked_for_and_asks_for_all_of_it_at_once() -> None:
    teacher = Scripted()
    found = made(engine(teacher), requests(sum=10, gcd=3, none=0))
    assert amounts(found) == {"sum": 10, "gcd": 3}
    assert [len(batch) for batch in teacher.batches] == [4]
    assert [ask.shape["properties"]["examples"]["maxItems"] for ask in teacher.asked] == [4, 4, 2, 3]  # fmt: skip
    assert len({ask.seed for ask in teacher.asked}) == len({ask.id for ask in teacher.asked}) == 4
    (first, *_) = found
    assert (first.input, first.target, first.skill) == ("What is 0 + 0?", "0", "sum")
    assert first.id == first.cluster == item_id(first.input)
    assert len({example.id for example in found}) == 13


def test_what_is_too_much_is_cut() -> None:
    rows = [{"input": f"question {n}", "target": str(n)} for n in range(9)]
    found = made(engine(Scripted(says=lambda *_: examples(*rows))), requests(sum=3))
    assert [example.target for example in found] == ["0", "1", "2"]


def test_what_is_missing_is_asked_for_again_by_calls_that_know_what_exists() -> None:
    teacher = Scripted(most=2)
    assert amounts(made(engine(teacher, existing=3), requests(sum=6))) == {"sum": 6}
    first, second = teacher.batches
    assert (len(first), len(second)) == (2, 1)
    assert "exist already" not in first[0].messages[0].content
    told = second[0].messages[0].content
    # The latest three of the four, and no more.
    assert [f"What is {n} + {n}?" in told for n in range(4)] == [False, True, True, True]
    assert "Write 2 new examples" in told


def test_what_the_arm_has_already_is_told_and_does_not_come_again() -> None:
    """Of the same skill and subskill: a teacher that is told of nothing repeats itself."""

    def says(ask: Ask, _: int) -> str:
        told = ask.messages[0].content
        return examples({"input": "b?" if "a?" in told else "a?", "target": "1"})

    def made_with(*existing: Example) -> list[str]:
        tools = Tools(seed=0, existing=existing)
        found = engine(Scripted(says=says), top_up=0).generate(requests(sum=1), tools)
        return [example.input for example in found]

    (first,) = engine(Scripted(says=says)).generate(requests(sum=1), Tools(seed=0))
    assert (made_with(), made_with(first)) == (["a?"], ["b?"])
    # Of another subskill it is not shown; as a repeated question it does not count.
    assert made_with(msgspec.structs.replace(first, subskill="easier")) == []


def test_it_gives_up_after_a_bounded_number_of_calls() -> None:
    teacher = Scripted(most=1)
    assert len(made(engine(teacher, per_call=9, top_up=3), requests(sum=9))) == 4
    assert len(teacher.asked) == 4


def test_what_comes_again_does_not_count() -> None:
    same = examples(*[{"input": " What is  1?", "target": "1"}, {"input": "what is 1?", "target": "1"}])  # fmt: skip
    writer = engine(Scripted(says=lambda *_: same))
    assert len(made(writer, requests(sum=2, gcd=2))) == 1
    assert writer.counts["repeated"] == writer.counts["proposed"] - 1


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("", 0),
        ("no JSON", 0),
        ("[]", 0),
        ("{}", 0),
        ('{"examples": 3}', 0),
        ('{"examples": [3, {"input": "x"}, {"input": " ", "target": "1"}]}', 3),
        ('{"examples": [{"input": ["x"], "target": 1}]}', 1),
        ("[" * 100_000, 0),
    ],
)
def test_a_reply_that_cannot_be_used_is_counted_and_stops_nothing(text: str, entries: int) -> None:
    usual = Scripted()

    def says(ask: Ask, sample: int) -> str | Reply:
        return usual.says(ask, sample) if ask.id.startswith("gcd") else text

    writer = engine(Scripted(says=says))
    assert amounts(made(writer, requests(sum=3, gcd=3))) == {"gcd": 3}
    unparsed = writer.counts.pop("unparsed", 0) // 3
    assert unparsed == entries
    assert writer.counts == {"calls": 4, "unusable": 3, "proposed": 3}


def test_what_of_a_reply_is_no_example_is_counted() -> None:
    rows = [{"input": "a", "target": "1"}, {"input": " ", "target": "2"}, {"input": "c", "target": ""}]  # fmt: skip
    writer = engine(Scripted(says=lambda *_: examples(*rows)), top_up=0)
    assert len(made(writer, requests(sum=3))) == 1
    assert writer.counts == {"calls": 1, "proposed": 1, "unparsed": 2}


@pytest.mark.parametrize("finish", ["length", "refusal", "empty", "invalid"])
def test_a_reply_that_is_not_whole_is_counted_by_how_it_ended(finish: str) -> None:
    whole = examples({"input": "x", "target": "y"})
    writer = engine(Scripted(says=lambda ask, _: reply(ask, whole, finish=finish)), top_up=0)
    assert made(writer, requests(sum=1)) == []
    assert writer.counts == {"calls": 1, finish: 1, "proposed": 0}


def test_a_prompt_shows_the_errors_of_its_request_each_call_the_next_ones() -> None:
    teacher = Scripted()
    tools = Tools(seed=1, errors={"sum": tuple(map(error, "abc")), "gcd": (error("d"),)})
    asked = [*requests(sum=12), Request(id="2", count=1, skill="task", show=("d", "a"))]
    found = made(engine(teacher), asked, tools)
    shown = [["Q-a", "Q-b"], ["Q-c", "Q-a"], ["Q-b", "Q-c"], ["Q-d", "Q-a"]]  # fmt: skip
    for prompt, questions in zip(teacher.prompts, shown, strict=True):
        assert [f"Q-{name}" in prompt for name in "abcd"] == [
            f"Q-{name}" in questions for name in "abcd"
        ]
        assert f"wrong {questions[0][-1]}" in prompt and f"right {questions[0][-1]}" in prompt
    assert found[0].provenance is not None and found[0].provenance.shown == ("a", "b")
    assert found[0].provenance.asks == ("sum/0/0",)
    assert found[0].provenance.model == "scripted-1"
    assert found[-1].provenance is not None and found[-1].provenance.shown == ("d", "a")


def test_a_prompt_says_what_could_be_called_and_what_was_said_before() -> None:
    tool = ToolSchema(
        name="add", description="Adds.", parameters={"properties": {"a": {"type": "integer"}}}
    )
    said = Turn(role="user", text="What is 1 + 1?")
    failed = ShownError(
        id="a", input="And 2 + 2?", target="4", prediction="5", before=(said,), tools=(tool,)
    )
    teacher = Scripted()
    real = Like(input="Add 3.", target="3", group="sum", tools=(tool,))
    request = Request(id="sum", count=1, skill="sum", like=(real,))
    made(engine(teacher, errors=1), [request], Tools(seed=1, errors={"sum": (failed,)}))
    (prompt,) = teacher.prompts
    assert "user: What is 1 + 1?\nAnd 2 + 2?\nTools:\n- add(a: integer): Adds." in prompt
    assert "Add 3.\nTools:\n- add(a: integer): Adds." in prompt


def test_a_prompt_is_bounded() -> None:
    long = ShownError(id="a", input="x" * 9000, target="y" * 9000, prediction="z" * 9000)
    teacher = Scripted(most=1)
    made(engine(teacher, errors=9), requests(sum=2), Tools(seed=1, errors={"sum": (long,) * 50}))
    for prompt in teacher.prompts:
        assert prompt.count("x" * LONGEST) == 9
        assert len(prompt) < 9 * 3 * LONGEST + 4000


def test_a_prompt_says_what_the_request_says() -> None:
    teacher = Scripted()
    asked = [Request(id="1", count=1, skill="sum", subskill="carrying", brief="Be odd.")]
    (one,) = made(engine(teacher, task="Add numbers."), asked)
    (prompt,) = teacher.prompts
    for words in ("1 new example of", '"sum"', '"carrying"', "Be odd.", "Add numbers."):
        assert words in prompt
    assert (one.subskill, one.request) == ("carrying", "1")
    assert "wrong" not in prompt and "exist already" not in prompt and "batch" not in prompt


def test_reasoning_is_taught_before_the_answer() -> None:
    teacher = Scripted()
    (one,) = made(engine(teacher, reasoning=True), requests(sum=1))
    assert one.target == "added up\n0"
    assert "steps" in teacher.prompts[0]


def test_a_solver_answers_what_the_teacher_proposes() -> None:
    wrong = examples({"input": "What is 2 + 3?", "target": "6"}, {"input": "What is 4 + 4?"})
    writer, solver = Scripted(says=lambda *_: wrong), Scripted()
    found = made(engine(writer, solver=solving(solver)), requests(sum=2))
    assert [(example.input, example.target) for example in found] == [("What is 2 + 3?", "5"), ("What is 4 + 4?", "8")]  # fmt: skip
    assert [ask.samples for ask in solver.asked] == [1, 1]
    assert found[1].provenance is not None
    assert found[1].provenance.asks == ("sum/0/0", "sum/0/0/1")


def test_a_question_that_the_solver_does_not_agree_on_is_given_up_and_another_asked_for() -> None:
    def says(ask: Ask, sample: int) -> str:
        if "What is 1 + 1?" in ask.messages[-1].content:
            return json.dumps({"answer": str(sample % 2)})
        return json.dumps({"answer": " Yes" if sample else "yes"})

    writer = engine(Scripted(), solver=solving(Scripted(says=says), samples=4))
    found = made(writer, requests(sum=3))
    assert [example.input for example in found] == [f"What is {n} + {n}?" for n in (0, 2, 3)]
    assert {example.target for example in found} == {"yes"}
    assert writer.counts["unsolved"] == 1


def test_a_question_that_exists_is_not_paid_for_twice() -> None:
    same = examples({"input": "What is 1 + 1?", "target": ""}, {"input": "What is 1 + 1? ", "target": ""})  # fmt: skip
    solver = Scripted()
    made(engine(Scripted(says=lambda *_: same), solver=solving(solver)), requests(sum=5))
    assert len(solver.asked) == 1


@given(
    st.lists(st.integers(0, 13), min_size=1, max_size=4),
    st.integers(1, 6),
    st.integers(0, 3),
    st.lists(st.integers(0, 7), min_size=1, max_size=9),
)
def test_never_more_than_is_asked_for_and_the_same_again(
    counts: list[int], per_call: int, top_up: int, given_by_call: list[int]
) -> None:
    asked = [Request(id=str(n), count=count, skill="s") for n, count in enumerate(counts)]

    def run() -> tuple[list[Example], int]:
        usual, turn = Scripted(), iter(range(10**6))

        def says(ask: Ask, sample: int) -> str:
            whole = json.loads(usual.says(ask, sample))["examples"]
            return examples(*whole[: given_by_call[next(turn) % len(given_by_call)]])

        teacher = Scripted(says=says)
        return made(engine(teacher, per_call=per_call, top_up=top_up), asked), len(teacher.asked)

    found, calls = run()
    made_of = amounts(found)
    assert all(made_of[request.id] <= request.count for request in asked)
    assert calls <= (top_up + 1) * sum(-(-count // per_call) for count in counts)
    assert len({example.id for example in found}) == len(found)
    assert run() == (found, calls)


def test_the_engine_llm_makes_what_its_number_says() -> None:
    # The text of a template is in the key itself.
    words = "{{ count }} {{ skill }} {{ call }}/{{ calls }} {{ errors | length }} {{ existing }}"
    teacher, solver = Scripted(most=3), Scripted()
    tools = Tools(seed=5, errors={"sum": (error("a"), error("b"), error("c"))})
    writer = engine(teacher, prompt=words, oversample=1.5)
    found = made(writer, requests(sum=7, gcd=2), tools)
    answered = {**solving(solver, 3), "prompt": "{{ input }}"}
    found += made(engine(Scripted(), solver=answered, reasoning=True), requests(sum=2))
    asked = [ask.plain() for ask in (*teacher.asked, *solver.asked)]
    assert_golden("engine", "llm", {1: "ff43be629bb615e1"}, [[one.plain() for one in found], asked])


# --- in a task whose answers are calls -------------------------------------------------------------

CALLING = definition("task", "tool-use")
WORD = {"name": "word", "type": "string", "description": "", "required": True}
TIMES = {"name": "times", "type": "list of integer", "description": "How often.", "required": False}
REPEAT = {"name": "repeat", "description": "Repeats a word.", "parameters": [WORD, TIMES]}
ASKED: dict[str, Any] = {
    "input": "Write apple twice.",
    "tools": [REPEAT, {"name": "now", "description": "", "parameters": []}],
    "target": [{"name": "repeat", "arguments": [{"name": "word", "value": "apple"}, {"name": "times", "value": [2]}]}],
}  # fmt: skip
CALLED = '[{"name": "repeat", "arguments": {"word": "apple", "times": [2]}}]'


def calling(teacher: Scripted, **options: Any) -> Llm:
    prompt = template_text("builtin:examples", CALLING)
    return engine(teacher, **{"prompt": prompt, "answers": "calls", **options})


def test_tools_and_calls_are_asked_for_in_their_shape() -> None:
    """What is not of it is counted; the same request with other tools is another one."""
    other = {**ASKED, "tools": [REPEAT]}
    broken = [
        {**ASKED, "target": "repeat"},
        {**ASKED, "target": [{"name": "repeat"}]},
        {**ASKED, "tools": [{"name": "x", "description": "", "parameters": [{**WORD, "type": "map"}]}]},
        {**ASKED, "tools": [{**REPEAT, "name": " "}]},
        {**ASKED, "tools": None},
        {"input": "Write apple twice."},
    ]  # fmt: skip
    teacher = Scripted(says=lambda *_: examples(*broken, ASKED, ASKED, other))
    maker = calling(teacher, top_up=0)
    one, two = made(maker, requests(words=2), Tools(seed=1, form=("space",)))
    assert (one.target, two.target) == (CALLED, CALLED)
    assert one.id != two.id and one.id == one.cluster
    repeat, now = one.tools
    assert repeat.parameters == {
        "type": "object",
        "properties": {
            "word": {"type": "string"},
            "times": {"type": "array", "items": {"type": "integer"}, "description": "How often."},
        },
        "required": ["word"],
    }
    assert now.parameters == {"type": "object", "properties": {}, "required": []}
    assert (maker.counts["unparsed"], maker.counts["repeated"]) == (len(broken), 1)
    (ask,) = teacher.asked
    jsonschema.validate({"examples": [ASKED, other]}, ask.shape)
    fitting = jsonschema.Draft7Validator(ask.shape).is_valid
    # A shape says that a name is a text, and not that it says something.
    assert [fitting({"examples": [wrong]}) for wrong in broken] == [False] * 3 + [True] + [
        False
    ] * 2
    assert '"parameters": [{"name": "...", "type": "string"' in teacher.prompts[0]


def test_a_solver_sees_the_tools_and_answers_in_calls() -> None:
    solved = json.dumps({"answer": ASKED["target"]})
    solver = Scripted(says=lambda *_: solved)
    given = {**solving(solver), "prompt": template_text("builtin:answer", CALLING)}
    writer = Scripted(says=lambda *_: examples({**ASKED, "target": []}))
    (found,) = made(calling(writer, solver=given, top_up=0), requests(words=1))
    assert found.target == CALLED and len(found.tools) == 2
    assert '"name": "repeat"' in solver.prompts[0] and "Write apple twice." in solver.prompts[0]
    jsonschema.validate(json.loads(solved), solver.asked[0].shape)
