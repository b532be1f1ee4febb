"""Sources of programming problems: files in the published formats, and problems that are made."""

from __future__ import annotations

import base64
import gzip
import json
import pickle
import zlib
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.sandboxes.bubblewrap import available
from dataenvgym_spec.gym.tasks.protocol import Answer, way_of
from dataenvgym_spec.gym.tasks.scorers.program_tests import equal
from dataenvgym_spec.gym.tasks.sources.programs import Programs
from dataenvgym_spec.records.items import Item
from tests.support.golden import assert_golden, component, make
from tests.support.programs import judge_of

needs_bubblewrap = pytest.mark.skipif(available() is None, reason="bubblewrap is not installed")
TOPICS = ("numbers", "lists", "strings", "branches", "loops")
FAMILIES = {
    f"{topic}{steps}": {"topic": topic, "steps": steps, "largest": 20}
    for topic in TOPICS
    for steps in (1, 3)
}
MBPP = [
    {
        "task_id": 2,
        "text": "Write a function to find what two tuples share.",
        "code": "def similar(a, b):\r\n  return tuple(set(a) & set(b))",
        "test_list": ["assert set(similar((3, 4), (4, 5))) == set((4,))"],
        "test_setup_code": "",
        "challenge_test_list": ["assert similar((1,), (2,)) == ()"],
    },
    {
        "task_id": 12,
        "prompt": "Write a function to find the root.",
        "code": "import math\ndef root(n):\n    return math.sqrt(n)",
        "test_imports": ["import math"],
        "test_list": ["assert math.isclose(root(2), 1.414, rel_tol=0.001)", "assert root(4) == 2"],
    },
]
HUMANEVAL = {
    "task_id": "HumanEval/0",
    "prompt": "def one_more(n):\n    return n + 1\n\n\ndef twice(n):\n    '''Twice n'''\n",
    "entry_point": "twice",
    "canonical_solution": "    return 2 * n\n",
    "test": "def check(candidate):\n    assert candidate(one_more(1)) == 4\n",
}


def packed(tests: list[dict[str, str]]) -> str:
    """As LiveCodeBench packs its private tests."""
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(tests)))).decode()


def contest(number: int, **more: Any) -> dict[str, Any]:
    """A row of LiveCodeBench; a function is asked for where `more` says so."""
    public = [{"input": "2\n", "output": "4\n", "testtype": "stdin"}]
    return {
        "question_title": "Twice",
        "question_content": f"Print twice the number. ({number})",
        "platform": "atcoder",
        "question_id": f"q{number}",
        "contest_id": "abc",
        "contest_date": f"2024-0{number}-01T00:00:00",
        "starter_code": "",
        "difficulty": "easy",
        "public_test_cases": json.dumps(public),
        "private_test_cases": packed([{**public[0], "input": "5\n", "output": "10\n"}]),
        "metadata": "{}",
        **more,
    }


CALLED = [{"input": "[2, 3]\n4", "output": "[8, 12]", "testtype": "functional"}]
FUNCTION = {
    "starter_code": "class Solution:\n    def times(self, xs: List[int], k: int) -> List[int]:\n        ",
    "public_test_cases": json.dumps(CALLED),
    "private_test_cases": json.dumps(CALLED),
    "metadata": json.dumps({"func_name": "times"}),
    "difficulty": "hard",
}


def written(folder: Path, *rows: dict[str, Any], name: str = "rows.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def source(kind: str, path: Path, **options: Any) -> Any:
    return make("source", component("source", kind, path="x", **options), {"x": path})


def humaneval(path: Path, **options: Any) -> Any:
    return source("humaneval", path, **{"teaches": "function", **options})


def mbpp(path: Path, **options: Any) -> Any:
    return source("mbpp", path, **{"tasks": "all", "asserts": 3, "challenge": True, **options})


def contests(path: Path, **options: Any) -> Any:
    return source("livecodebench", path, **{"group": "difficulty", **options})


def listed(made: Any) -> list[Any]:
    return [
        [group, [item.row() for item in islice(made.stream(group, 11), 10)]]
        for group in made.groups()
    ]


def test_the_source_programs_makes_what_its_number_says() -> None:
    made = make("source", component("source", "programs", families=FAMILIES, tests=6, examples=1))
    assert_golden("source", "programs", {1: "4bbbf00b44b01788"}, listed(made))


def test_the_source_humaneval_makes_what_its_number_says(tmp_path: Path) -> None:
    made = listed(humaneval(written(tmp_path, HUMANEVAL)))
    assert_golden("source", "humaneval", {1: "ae6193e1c750e0b8"}, made)


def test_the_source_mbpp_makes_what_its_number_says(tmp_path: Path) -> None:
    assert_golden("source", "mbpp", {1: "7ba72852cf2851ee"}, listed(mbpp(written(tmp_path, *MBPP))))


def test_the_source_livecodebench_makes_what_its_number_says(tmp_path: Path) -> None:
    made = listed(contests(written(tmp_path, contest(1), contest(2, **FUNCTION))))
    assert_golden("source", "livecodebench", {1: "a4854e0ec6ae40b5", 2: "007c185fdacbc293"}, made)


def test_contests_are_told_apart_by_difficulty_and_platform_whatever_the_groups(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, contest(1), contest(2, difficulty="hard"))
    told = {
        group: [(item.group, item.slices) for item in contests(path, group=group).items]
        for group in ("difficulty", "none")
    }
    assert told["difficulty"] == [
        ("easy", {"platform": "atcoder"}),
        ("hard", {"platform": "atcoder"}),
    ]
    assert told["none"] == [
        ("all", {"difficulty": "easy", "platform": "atcoder"}),
        ("all", {"difficulty": "hard", "platform": "atcoder"}),
    ]


@needs_bubblewrap
def test_what_is_taught_passes_its_own_tests(tmp_path: Path) -> None:
    """Of every source; and a function that does nothing does not."""
    solutions = {
        "q1": "print(2 * int(input()))",
        "q2": {"passing_solution": FUNCTION["starter_code"] + "return [k * x for x in xs]"},
    }
    solved = tmp_path / "solutions.json"
    solved.write_text(json.dumps(solutions), encoding="utf-8")
    described = component("source", "livecodebench", path="x", group="none", solutions="y")
    path = written(tmp_path, contest(1), contest(2, **FUNCTION), name="contests.jsonl")
    items: list[Item] = [
        *humaneval(written(tmp_path, HUMANEVAL)).items,
        *humaneval(written(tmp_path, HUMANEVAL), teaches="body").items,
        *mbpp(written(tmp_path, *MBPP, name="mbpp.jsonl")).items,
        *make("source", described, {"x": path, "y": solved}).items,
    ]  # fmt: skip
    made = Programs(families=FAMILIES, tests=6, examples=0)
    for group in made.groups():
        items += islice(made.stream(group, 3), 12)
    judge = judge_of()
    scores = judge.score_gold(items, computed=True)
    idle = [(item, Answer(text="def solve(x):\n    return x, 1")) for item in items]
    others = judge.score_computed(idle)
    judge.close()
    wrong = [item.target for item, score in zip(items, scores, strict=True) if not score.correct]
    assert wrong == [] and len(items) > 100
    assert not any(score.correct for score in others)


def test_problems_are_made_from_a_seed_and_keep_their_tests() -> None:
    made = Programs(families=FAMILIES, tests=6, examples=2)
    first, again, other = (list(islice(made.stream("lists3", seed), 40)) for seed in (1, 1, 2))
    assert first == again != other
    by_id = {item.id: item for item in first}
    assert all(by_id.get(item.id, item) == item for item in islice(made.stream("lists3", 9), 2000))
    (item, *_) = first
    shown = [test for test in item.verifier["tests"] if test.get("public")]
    assert len(shown) == 2 and len(item.verifier["tests"]) == 8
    assert all(f"solve({test['arguments'][0]!r})" in item.input for test in shown)


def test_the_same_steps_in_another_order_are_one_cluster() -> None:
    made = Programs(
        families={"a": {"topic": "numbers", "steps": 2, "largest": 4}}, tests=2, examples=0
    )
    items = {item.id: item for item in islice(made.stream("a", 0), 3000)}.values()
    clusters: dict[str, set[tuple[str, ...]]] = {}
    for item in items:
        clusters.setdefault(item.cluster, set()).add(tuple(sorted(item.metadata["steps"])))
    assert len(clusters) < len(items) and {len(steps) for steps in clusters.values()} == {1}


@pytest.mark.parametrize("topic", TOPICS)
def test_code_and_meaning_of_each_step_agree(topic: str) -> None:
    """They are written twice: the tests of a problem do not come from its code."""
    family = {"topic": topic, "steps": 2, "largest": 9}
    made = Programs(families={"a": family}, tests=12, examples=0)
    for item in islice(made.stream("a", 5), 400):
        names: dict[str, Callable[[Any], Any]] = {}
        exec(item.target, names)
        for test in item.verifier["tests"]:
            assert equal(names["solve"](*test["arguments"]), test["value"], 0.0), item.input


def test_variants_are_harder_and_easier_ones_of_the_same_group() -> None:
    made = Programs(families=FAMILIES, tests=2, examples=0)
    names = list(made.variants("lists3"))
    assert names[0] == "as set" and {way_of(name) for name in names[1:]} == {"harder", "easier"}
    assert "harder: steps 4" in names and "easier: steps 1" in names
    for name in names:
        item = next(made.variant("lists3", name, 1))
        assert item.group == "lists3"
    easy = next(made.variant("lists3", "easier: steps 1", 1))
    assert len(easy.metadata["steps"]) == 1
    with pytest.raises(StageError, match="no variant 'harder: steps 9'"):
        made.variant("lists3", "harder: steps 9", 1)


def test_humaneval_is_read_packed_or_not(tmp_path: Path) -> None:
    path = tmp_path / "packed.jsonl.gz"
    path.write_bytes(gzip.compress((json.dumps(HUMANEVAL) + "\r\n\r\n").encode("utf-8-sig")))
    (item,) = humaneval(path).items
    assert item.target == HUMANEVAL["prompt"] + HUMANEVAL["canonical_solution"]
    assert item.metadata == {"entry": "twice", "name": "HumanEval/0"}


def test_mbpp_is_read_in_both_forms_and_by_its_parts(tmp_path: Path) -> None:
    array = tmp_path / "sanitized.json"
    array.write_text(json.dumps(MBPP), encoding="utf-8")
    first, second = mbpp(array).items
    assert "These hold:\nassert set(similar" in first.input and "\r" not in first.target
    assert [test.get("public", False) for test in first.verifier["tests"]] == [True, False]
    assert second.verifier["setup"] == "import math"
    (tested,) = mbpp(array, tasks="test", asserts=0, challenge=False).items
    assert tested.input == "Write a function to find the root."


def test_contests_are_cut_by_date_and_grouped(tmp_path: Path) -> None:
    path = written(tmp_path, *[contest(n) for n in (1, 2, 3)], contest(4, **FUNCTION))
    assert contests(path).groups() == ["easy", "hard"]
    assert contests(path, group="platform").groups() == ["atcoder"]
    later = contests(path, since="2024-02-01", before="2024-04-01")
    assert len(later.items) == 2
    easy, hard = contests(path, since="2024-03-01").items
    assert easy.verifier["tests"] == [
        {"stdin": "2\n", "stdout": "4\n", "public": True}, {"stdin": "5\n", "stdout": "10\n"},
    ]  # fmt: skip
    assert easy.target == "" and easy.metadata["reads"]
    assert hard.verifier["entry"] == "times"
    assert hard.verifier["tests"][1] == {"arguments": [[2, 3], 4], "value": [8, 12]}


class Evil:
    """What a pickle may hold."""

    def __reduce__(self) -> Any:
        return (exec, ("raise SystemExit('executed')",))


def test_a_pickle_that_is_more_than_a_text_is_refused_and_not_executed(tmp_path: Path) -> None:
    evil = base64.b64encode(zlib.compress(pickle.dumps(Evil()))).decode()
    with pytest.raises(StageError, match="line 1 has tests in a pickle that is more than one text"):
        contests(written(tmp_path, contest(1, private_test_cases=evil)))


@pytest.mark.parametrize(
    ("kind", "row", "words"),
    [
        (humaneval, {"task_id": "x"}, "line 1 has no column 'prompt'"),
        (humaneval, {**HUMANEVAL, "test": " "}, "line 1 has no text in column 'test'"),
        (mbpp, {**MBPP[0], "test_list": "x"}, "no list of texts in column 'test_list'"),
        (mbpp, {**MBPP[0], "test_list": []}, "no test in column 'test_list'"),
        (contests, contest(1, private_test_cases="?"), "tests that cannot be read"),
        (contests, contest(1, private_test_cases='[{"input": "x"}]'), "tests that cannot be read"),
        (contests, contest(1, metadata="[]"), "no mapping in column 'metadata'"),
    ],
)
def test_a_bad_row_is_shown_with_its_line(
    tmp_path: Path, kind: Callable[[Path], Any], row: dict[str, Any], words: str
) -> None:
    with pytest.raises(StageError, match=words):
        kind(written(tmp_path, row))


def test_bad_files_say_so(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="cannot be read"):
        mbpp(tmp_path / "none.jsonl")
    for content, words in (("[1]", "no JSON object"), ("[", "is no JSON")):
        bad = tmp_path / "bad.json"
        bad.write_text(content, encoding="utf-8")
        with pytest.raises(StageError, match=words):
            mbpp(bad)
    described = component("source", "livecodebench", path="x", group="none", solutions="y")
    with pytest.raises(StageError, match="cannot be read: Expecting value"):
        make("source", described, {"x": written(tmp_path, contest(1)), "y": bad})
