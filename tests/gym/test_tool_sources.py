"""Sources of requests to call tools: files in the published formats, and requests that are made."""

from __future__ import annotations

import importlib
import json
import sys
import types
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.tasks.protocol import Answer, way_of
from dataenvgym_spec.gym.tasks.sources.bfcl import Bfcl
from dataenvgym_spec.gym.tasks.sources.small_functions import TOOLS
from dataenvgym_spec.gym.tasks.sources.small_tools import SmallTools
from dataenvgym_spec.records.items import Item
from tests.support.golden import assert_golden, component, make
from tests.support.public import needs_public, public_data
from tests.support.scoring import made_scorer

FORM = ("space",)
FAMILIES = {
    f"{topic}-{asks}": {"topic": topic, "asks": asks, "steps": 2, "offered": 3, "largest": 20}
    for topic in TOOLS
    for asks in ("one", "several", "chain", "nothing")
}
AREA = {
    "name": "shape.area",
    "description": "The area of a rectangle.",
    "parameters": {
        "type": "dict",
        "properties": {
            "width": {"type": "float"},
            "size": {"type": "dict", "properties": {"x": {"type": "any"}}},
            "corners": {"type": "array", "items": {"type": "tuple"}},
        },
        "required": ["width"],
    },
}
QUESTION = {
    "id": "simple_python_0",
    "question": [
        [{"role": "system", "content": "Use tools."}, {"role": "user", "content": "An area?"}]
    ],
    "function": [AREA],
}
GROUND = {
    "id": "simple_python_0",
    "ground_truth": [{"shape.area": {"width": [2.5, ""], "size": [{"x": [1]}, ""]}}],
}
PLAN = [
    {"id": 0, "name": "image generation", "args": {"text": "a cat"}},
    {"id": 1, "name": "image captioning", "args": {"image": "<node-0>.image"}},
]
MNMS = {
    "id": 7,
    "user_request": "Draw a cat and say what it shows.",
    "plan_str": repr(PLAN),
    "code_str": "",
    "alt_plans_str": repr([[PLAN[0], {**PLAN[1], "name": "visual question answering"}]]),
}  # fmt: skip


def lines(path: Path, *rows: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def bfcl(folder: Path, *questions: Any, answers: tuple[Any, ...] = (GROUND,)) -> Bfcl:
    lines(folder / "BFCL_v4_simple_python.json", *questions)
    lines(folder / "possible_answer" / "BFCL_v4_simple_python.json", *answers)
    lines(folder / "irrelevance.jsonl", {**QUESTION, "id": "irrelevance_0"})
    return Bfcl(path=folder, categories=["simple_python", "irrelevance"], form=FORM)


def mnms(folder: Path, *rows: Any, api: Any = None, **options: Any) -> Any:
    path = lines(folder / "mnms.jsonl", *rows)
    described = component("source", "mnms", path="x", **{"group": "length", **options})
    files = {"x": path}
    if api is not None:
        described["api"] = "y"
        (folder / "api.json").write_text(json.dumps(api), encoding="utf-8")
        files["y"] = folder / "api.json"
    return make("source", described, files)


def right(items: list[Item], kind: str = "calls", **options: Any) -> list[bool]:
    """Whether the items' own answers are right."""
    scorer = made_scorer(kind, **options)
    scores = scorer.score([(item, Answer(text=item.target)) for item in items])
    return [score.correct for score in scores]


def test_requests_are_made_from_a_seed_and_their_own_answers_are_right() -> None:
    made = SmallTools(families=FAMILIES, form=FORM)
    for group in made.groups():
        first, again, other = (list(islice(made.stream(group, n), 12)) for n in (1, 1, 2))
        assert first == again != other
        assert all(right(first)) and all(right(first, "plans")), group
        asks = FAMILIES[group]["asks"]
        counts = {len(json.loads(item.target)) for item in first}
        assert counts == {{"one": 1, "nothing": 0}.get(str(asks), 2)}
        for item in first:
            names = [tool.name for tool in item.tools]
            called = [call["name"] for call in json.loads(item.target)]
            assert len(set(names)) == len(names) == 3 and {*called} <= {*names}
    assert_golden(
        "source",
        "small-tools",
        {1: "2461849381c9919e", 2: "189c0ed13314f60c"},
        [[item.row() for item in islice(made.stream(group, 5), 6)] for group in made.groups()],
    )


def test_what_the_tools_do_is_what_their_calls_give() -> None:
    """As their verifier has them, from which they are executed; chains fit by their types."""
    made = SmallTools(families=FAMILIES, form=FORM)
    names: dict[str, Any] = {}
    for group in made.groups():
        for item in islice(made.stream(group, 3), 20):
            for text in item.verifier["functions"].values():
                exec(text, names)
            results: list[Any] = []
            for call in json.loads(item.target):
                given = {
                    name: results[int(value[6:-1])] if str(value).startswith("<node-") else value
                    for name, value in call["arguments"].items()
                }
                results.append(names[call["name"]](**given))
    assert names["sort"]([2, 3, 1], descending=True) == [3, 2, 1]


def test_variants_are_harder_and_easier() -> None:
    made = SmallTools(families=FAMILIES, form=FORM)
    variants = list(made.variants("lists-chain"))
    assert {way_of(name) for name in variants} == {"as set", "harder", "easier"}
    longer = next(made.variant("lists-chain", "harder: steps 3", 1))
    assert len(json.loads(longer.target)) == 3
    assert next(made.variant("lists-chain", "as set", 1)) == next(made.stream("lists-chain", 1))
    assert not any(" steps " in name for name in made.variants("lists-one"))
    with pytest.raises(StageError, match="has no variant"):
        made.variant("lists-one", "harder: steps 3", 1)


def test_a_request_with_other_tools_is_another_item_of_one_cluster() -> None:
    made = SmallTools(
        families={"g": {"topic": "words", "asks": "one", "offered": 2, "largest": 9}}, form=FORM
    )
    by_text: dict[str, list[Item]] = {}
    for item in islice(made.stream("g", 1), 900):
        by_text.setdefault(item.input, []).append(item)
    several = [items for items in by_text.values() if len({item.id for item in items}) > 1]
    assert several and all(len({item.cluster for item in items}) == 1 for items in several)


def test_bfcl_is_read_from_its_files(tmp_path: Path) -> None:
    made = bfcl(tmp_path, QUESTION)
    assert made.groups() == ["irrelevance", "simple_python"]
    (asked,), (nothing,) = (list(made.stream(group, 0)) for group in reversed(made.groups()))
    assert json.loads(asked.target) == [{"name": "shape.area", "arguments": {"width": 2.5}}]
    assert asked.verifier["calls"][0]["arguments"]["size"] == [{"x": [1]}, ""]
    assert [turn.text for turn in asked.before] == ["Use tools."] and asked.input == "An area?"
    known = asked.tools[0].parameters["properties"]
    assert known["width"] == {"type": "number"} and known["corners"]["items"] == {"type": "array"}
    assert known["size"] == {"type": "object", "properties": {"x": {}}}
    assert nothing.target == "[]" and nothing.id == asked.id
    assert right([asked, nothing]) == [True, True]
    assert_golden("source", "bfcl", {1: "0042388ed4313062"}, [asked.row(), nothing.row()])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"question": [[], []]}, "several turns"),
        ({"question": [[{"role": "assistant", "content": "Yes."}]]}, "no question of a user"),
        ({"question": "An area?"}, "no list of mappings in column 'question'"),
        ({"function": [1]}, "no list of mappings in column 'function'"),
        ({"function": None}, "no list of mappings in column 'function'"),
        ({"id": "other"}, "no answer to 'other'"),
    ],
)
def test_a_row_that_is_not_as_in_bfcl_is_said(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(StageError, match=said):
        bfcl(tmp_path, {**QUESTION, **change})


def test_a_category_without_its_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="no file of the category 'multiple'"):
        Bfcl(path=tmp_path, categories=["multiple"])


def test_plans_are_read_from_a_file_in_the_format_of_mnms(tmp_path: Path) -> None:
    made = mnms(
        tmp_path,
        MNMS,
        {
            **MNMS,
            "id": 8,
            "user_request": "A cat.",
            "plan_str": json.dumps(PLAN[:1]),
            "alt_plans_str": None,
        },
    )
    long, short = made.items
    assert (long.group, short.group) == ("steps-2", "steps-1")
    assert json.loads(long.target)[1] == {
        "name": "image_captioning", "arguments": {"image": "<node-0>.image"},
    }  # fmt: skip
    assert len(long.targets) == 2 and short.targets == ()
    assert [tool.name for tool in short.tools] == [
        "image_captioning", "image_generation", "visual_question_answering",
    ]  # fmt: skip
    assert right(made.items, "plans") == [True, True]
    program = "x = image_generation(text='A CAT')\ny = visual_question_answering(image=x['image'])"
    for alternatives in (True, False):
        scorer = made_scorer("plans", alternatives=alternatives)
        (score,) = scorer.score([(long, Answer(text=program))])
        assert score.correct is alternatives
    assert_golden("source", "mnms", {1: "f86c3193b99a77aa"}, [item.row() for item in made.items])


def test_a_skill_of_mnms_can_be_the_tools_of_a_plan(tmp_path: Path) -> None:
    short = {**MNMS, "id": 8, "user_request": "A cat.", "plan_str": json.dumps(PLAN[:1])}
    made = mnms(tmp_path, MNMS, short, group="tools")
    assert made.groups() == ["image_generation", "image_generation, image_captioning"]


def test_the_tools_of_mnms_can_be_described(tmp_path: Path) -> None:
    api = [
        {
            "type": "function",
            "function": {"name": "image_generation", "parameters": {"type": "dict"}},
        }
    ]
    made = mnms(tmp_path, MNMS, api=api, group="first")
    assert made.items[0].tools[0].parameters == {"type": "object"}
    assert made.groups() == ["image_generation"]
    with pytest.raises(StageError, match="has no tools"):
        mnms(tmp_path, MNMS, api=[{"description": "no name"}])


@pytest.mark.parametrize(
    "plan", ["[]", "no plan", "[1]", "[{'name': 'x'}]", "__import__('os').getcwd()"]
)
def test_a_plan_that_is_none_is_said_and_not_executed(tmp_path: Path, plan: str) -> None:
    with pytest.raises(StageError, match="line 1"):
        mnms(tmp_path, {**MNMS, "plan_str": plan})


# --- with the published files -------------------------------------------------------------------------

PUBLISHED = "bfcl_eval/data/BFCL_v4_simple_python.json"
CHECKER = "bfcl_eval/eval_checker/ast_eval/ast_checker.py"
ONE_TURN = (
    "simple_python", "multiple", "parallel", "parallel_multiple", "live_simple", "live_multiple",
    "live_parallel", "live_parallel_multiple",
)  # fmt: skip


@pytest.mark.slow
@needs_public(PUBLISHED)
def test_all_of_bfcl_loads_and_its_answers_are_right() -> None:
    nothing = ["irrelevance", "live_irrelevance"]
    made = Bfcl(
        path=public_data() / "bfcl_eval" / "data", categories=[*ONE_TURN, *nothing], form=FORM
    )
    wrong: dict[str, int] = {}
    for item, good in zip(made.items, right(made.items), strict=True):
        wrong[item.group] = wrong.get(item.group, 0) + (not good)
    assert wrong == dict.fromkeys([*ONE_TURN, *nothing], 0) | {"live_simple": 2, "live_multiple": 2}
    assert len(list(made.stream("simple_python", 0))) == 400
    assert len(list(made.stream("irrelevance", 0))) == 240
    others = [(item, Answer(text='[{"name": "other", "arguments": {}}]')) for item in made.items]
    assert not any(score.correct for score in made_scorer("calls").score(others))


Checker = Callable[[str, str, list[dict[str, Any]]], bool]
PARSERS = "bfcl_eval.eval_checker.ast_eval.type_convertor"
STANDS_IN = {
    "bfcl_eval.constants.model_config": {
        "MODEL_CONFIG_MAPPING": {"m": types.SimpleNamespace(underscore_to_dot=False)}
    },
    "bfcl_eval.constants.type_mappings": {"JAVA_TYPE_CONVERSION": {}, "JS_TYPE_CONVERSION": {}},
    f"{PARSERS}.java_type_converter": {"java_type_converter": None},
    f"{PARSERS}.js_type_converter": {"js_type_converter": None},
}
"""What the checker imports of other languages, and of models."""


@pytest.fixture
def checker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Checker]:
    """BFCL's own checker: of a category, an item's name and calls."""
    folder = public_data() / "bfcl_eval" / "data"
    monkeypatch.syspath_prepend(str(public_data()))
    for name, content in STANDS_IN.items():
        module = types.ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    language = importlib.import_module("bfcl_eval.constants.enums").Language.PYTHON
    judge = importlib.import_module("bfcl_eval.eval_checker.ast_eval.ast_checker").ast_checker
    functions: dict[str, Any] = {}
    grounds: dict[str, Any] = {}
    for category in ONE_TURN:
        name = f"BFCL_v4_{category}.json"
        for row in rows_of(folder / name):
            functions[row["id"]] = row["function"]
        for row in rows_of(folder / "possible_answer" / name):
            grounds[row["id"]] = row["ground_truth"]

    def checked(category: str, name: str, calls: list[dict[str, Any]]) -> bool:
        made = [{call["name"]: call["arguments"]} for call in calls]
        return bool(judge(functions[name], made, grounds[name], language, category, "m")["valid"])

    yield checked
    for name in [name for name in sys.modules if name.partition(".")[0] == "bfcl_eval"]:
        del sys.modules[name]


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def altered(calls: list[dict[str, Any]], rng: Random) -> list[dict[str, Any]]:
    """Calls with one change."""
    calls = deepcopy(calls)
    one = rng.choice(calls)
    arguments = one["arguments"]
    name = rng.choice([*arguments, "more"])
    value = arguments.get(name, 1)
    other: Any = [value]
    if isinstance(value, str):
        other = value.upper() + rng.choice(["", "x", ".", " "])
    elif isinstance(value, bool | list):
        other = not value if isinstance(value, bool) else value[::-1]
    elif isinstance(value, int | float):
        other = rng.choice([value + 1, float(value), str(value)])
    changes = [
        lambda: arguments.update({name: other}), lambda: arguments.pop(name, None),
        lambda: calls.append(one), lambda: calls.remove(one), lambda: rng.shuffle(calls),
        lambda: one.update(name="x"),
    ]  # fmt: skip
    rng.choice(changes)()
    return calls


@pytest.mark.slow
@needs_public(PUBLISHED, CHECKER)
def test_altered_answers_are_judged_as_bfcl_does(checker: Checker) -> None:
    """But in the few cases that the page names."""
    made = Bfcl(path=public_data() / "bfcl_eval" / "data", categories=ONE_TURN, form=FORM)
    scorer, rng = made_scorer("calls"), Random(0)
    unlike, compared, good = set(), 0, 0
    for item in made.items:
        own, name = json.loads(item.target), item.metadata["name"]
        for calls in (own, *(altered(own, rng) for _ in range(4))):
            (score,) = scorer.score([(item, Answer(text=json.dumps(calls)))])
            compared, good = compared + 1, good + score.correct
            if score.correct is not checker(item.group, name, calls):
                unlike.add(name)
    assert compared > 10_000 and good > 4_000
    assert unlike <= {"parallel_178", "parallel_multiple_21"}
