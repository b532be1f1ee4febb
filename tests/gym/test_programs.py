"""Programs are scored by tests that they cannot reach: what is right passes, and no cheat gains."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.gym.make import Named, make
from dataenvgym_spec.gym.sandboxes import filter as calls
from dataenvgym_spec.gym.sandboxes.bubblewrap import available
from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.gym.tasks.scoring import Judge
from dataenvgym_spec.records.items import Item
from tests.support.cheats import CALLED, SECRET, WHOLE
from tests.support.golden import assert_golden
from tests.support.programs import judge_of
from tests.support.waiting import wait_until

needs_bubblewrap = pytest.mark.skipif(available() is None, reason="bubblewrap is not installed")
pytestmark = pytest.mark.skipif(not calls.possible(), reason="no filter of system calls here")


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    """One with short limits, which all tests share."""
    made = judge_of(seconds=0.25, memory=64)
    yield made
    made.close()


def asking(tests: list[dict[str, Any]], **verifier: Any) -> Item:
    verifier = {"entry": "solve", **verifier, "tests": tests}
    return Item(id="1", input="q", target="", group="g", cluster="c", verifier=verifier)


def scored(judge: Judge, item: Item, *programs: str, truncated: bool = False) -> list[Score]:
    return judge.score([(item, Answer(text=text, truncated=truncated)) for text in programs])


def values(scores: list[Score]) -> list[float]:
    return [score.value for score in scores]


def expected(number: int) -> str:
    return SECRET + hashlib.sha256(str(number).encode()).hexdigest()[:12]


NUMBERS = (3, 5)
SECRETS = asking([{"arguments": [n], "value": expected(n)} for n in NUMBERS])
HONEST = f"""
import hashlib
def solve(n): return "{SECRET}" + hashlib.sha256(str(n).encode()).hexdigest()[:12]
"""


@needs_bubblewrap
def test_the_scorer_programs_judges_as_its_number_says(judge: Judge) -> None:
    item = asking([{"arguments": [n], "value": n + 1} for n in (1, 2)], entry="f")
    answers = (
        "def f(n): return n + 1",
        "```python\ndef f(n):\n    return n + 1\n```",
        "def f(n): return 2",
        "no program",
    )
    made = [[one.value, one.parsed, one.cause] for one in scored(judge, item, *answers)]
    assert_golden("scorer", "programs", {1: "a9e63f91365a05a4"}, made)


@needs_bubblewrap
def test_no_cheat_gains_and_none_does_harm(judge: Judge) -> None:
    """An honest program comes after each, in the same sandbox, and passes."""
    assert len(CALLED) + len(WHOLE) >= 50
    read = asking([{"stdin": f"{n}\n", "stdout": expected(n)} for n in NUMBERS])
    pairs = [(SECRETS, text) for text in CALLED.values()]
    pairs += [(read, text) for text in WHOLE.values()]
    answers = [(item, Answer(text=text)) for item, text in pairs]
    scores = judge.score([*answers, (SECRETS, Answer(text=HONEST))])
    gained = [name for name, score in zip([*CALLED, *WHOLE], scores, strict=False) if score.value]
    assert gained == [] and scores[-1].correct
    causes = dict(zip(CALLED, [score.cause for score in scores], strict=False))
    for name in ("never ends", "never is defined", "sleeps", "ignores the alarm", "answers half"):
        assert causes[name] == "timeout", name
    for name in ("takes all memory", "takes memory bit by bit"):
        assert causes[name] == "memory", name
    assert causes["returns too much"] == causes["answers that it is huge"] == "output"


def test_the_cheats_are_cheats() -> None:
    """A harness that executes program and tests in one process is fooled by many of them."""
    harness = f"""
import json, os, sys
from dataclasses import dataclass
programs = json.load(sys.stdin)
tests = [[3, {expected(3)!r}]]
fooled = []
for name, text in programs.items():
    process = os.fork()
    if process == 0:
        names = {{}}
        exec(text, names)
        for number, value in tests:
            assert names["solve"](number) == value
        os._exit(0)
    if os.waitpid(process, 0)[1] == 0:
        fooled.append(name)
print(json.dumps(fooled))
"""
    one_process = (
        "ends with 0", "ends with 0 at once", "ends when it is defined", "equals everything",
        "a text that equals everything", "a number that equals everything",
        "a list that equals everything", "a class that equals everything", "a mapping that lies",
        "a dictionary that has everything", "looks through objects", "looks through frames",
        "looks through its memory", "looks through its memory by address", "catches every end",
        "becomes another program",
    )  # fmt: skip
    given = {name: CALLED[name] for name in one_process}
    said = subprocess.run(
        [sys.executable, "-c", harness],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(json.loads(said.stdout.splitlines()[-1])) == set(given)


@needs_bubblewrap
def test_calls_are_judged_by_what_they_return(judge: Judge) -> None:
    item = asking([{"arguments": [n], "value": [n, n / 4]} for n in (1, 2)])
    good = (
        "def solve(n): return [n, n / 4]",
        "def solve(n): return (n, n * 0.25 + 1e-12)",
        "class Solution:\n    def solve(self, n):\n        print('x' * 99)\n        return n, n / 4",
        "So:\n```python\nfrom dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\n"
        "def solve(n): return [P(n).x, n / 4]\n```\nas asked.",
        "solve = lambda n: [n, n / 4]",
    )
    bad = (
        "def solve(n): return [n, n]",
        "def solve(n): return [n]",
        "def solve(n): raise ValueError",
        "def solver(n): return [n, n / 4]",
        "def solve(): return 1",
    )
    scores = scored(judge, item, *good, *bad)
    assert values(scores) == [1.0] * len(good) + [0.0] * len(bad)
    assert all(score.parsed for score in scores)
    assert [score.cause for score in scored(judge, item, "def solve(n) return")] == ["SyntaxError"]


@needs_bubblewrap
def test_programs_that_read_are_judged_by_what_they_write(judge: Judge) -> None:
    item = asking([{"stdin": "2\n1 2\n3 4\n", "stdout": "3\n7\n"}, {"stdin": "0\n", "stdout": ""}])
    good = (
        "for _ in range(int(input())): print(sum(map(int, input().split())))",
        "import sys\nfor line in sys.stdin.read().split('\\n')[1:]:\n"
        "    if line: print(sum(map(int, line.split())), ' ')",
        "if __name__ == '__main__':\n    for line in open(0).readlines()[1:]: print(sum(map(int, line.split())))\n"
        "    exit(3)",
        "import os\nlines = os.read(0, 999).split(b'\\n')[1:-1]\n"
        "os.write(1, b''.join(b'%d\\n' % sum(map(int, l.split())) for l in lines))\nos._exit(0)",
        "import atexit, threading\nout = []\natexit.register(lambda: print('\\n'.join(out)))\n"
        "def main():\n    for _ in range(int(input())): out.append(str(sum(map(int, input().split()))) + '.0')\n"
        "threading.Thread(target=main).start()",
    )  # fmt: skip
    bad = (
        "print(3)\nprint(7)",
        "for _ in range(int(input())): print(sum(map(int, input().split())), end=' ')",
        "for _ in range(int(input())): print(sum(map(int, input().split())))\nraise ValueError",
    )
    assert values(scored(judge, item, *good, *bad)) == [1.0] * len(good) + [0.0] * len(bad)


@needs_bubblewrap
def test_tests_that_are_code_call_the_program(judge: Judge) -> None:
    check = "def check(candidate):\n    for n in range(3):\n        assert candidate(n) == n + one"
    tests = [
        {"check": check},
        {"assert": "assert set(solve(n) for n in (1, 2)) == {2, 3}"},
        {"assert": "assert math.isclose(half(Pair(1, 2)), 1.5, rel_tol=0.001)"},
        {"assert": "try:\n    solve('x')\n    assert False\nexcept TypeError:\n    pass"},
    ]
    item = asking(tests, setup="import math\none = 1")
    good = """
class Pair:
    def __init__(self, a, b): self.a, self.b = a, b
def half(pair): return (pair.a + pair.b) / 2
def solve(n): return n + 1
"""
    assert values(scored(judge, item, good, good.replace("+ 1", "+ 2"), "def solve(n): return n + 1")) == [
        1.0, 0.0, 0.0,
    ]  # fmt: skip


@needs_bubblewrap
def test_values_come_back_as_they_are(judge: Judge) -> None:
    """Whatever Python has; a large number too, and text that is no UTF-8."""
    samples = (
        "None, True, -1, 2 ** 9000, 1.5, float('inf'), 2 + 3j",
        "'é\\ud800', b'\\x00', range(3), (), [], {}, set(), frozenset({1})",
        "{(1, 2): {3: [4, (5,)]}}, {(1,), 'x', None}",
        "__import__('fractions').Fraction(1, 3), __import__('decimal').Decimal('0.10')",
    )
    for sample in samples:
        item = asking([{"assert": f"assert solve(({sample},)) == ({sample},)"}])
        assert values(scored(judge, item, "def solve(x): return x")) == [1.0], sample


@needs_bubblewrap
def test_a_function_gets_copies_and_one_that_ends_the_program_ends_it() -> None:
    """Tests go on with a new process where every one of them counts."""
    partial = judge_of(partial=True, seconds=0.5)
    item = asking([{"arguments": [[n]], "value": n} for n in range(4)])
    ending = "import os\ndef solve(x):\n    if x[0] == 1: os._exit(0)\n    return x.pop()"
    slow = "def solve(x):\n    while x[0] == 1: pass\n    return x.pop()"
    scores = scored(partial, item, ending, slow, "def solve(x): return 9")
    partial.close()
    assert values(scores) == [0.75, 0.75, 0.0] and all(score.parsed for score in scores)


@needs_bubblewrap
def test_public_and_private_tests_can_be_asked_for_alone() -> None:
    item = asking([{"arguments": [1], "value": 1, "public": True}, {"arguments": [2], "value": 4}])
    found = {}
    for tests in ("all", "public", "private"):
        judge = judge_of(tests=tests)
        found[tests] = values(
            scored(judge, item, "def solve(n): return n", "def solve(n): return 4")
        )
        judge.close()
    assert found == {"all": [0.0, 0.0], "public": [1.0, 0.0], "private": [0.0, 1.0]}


@needs_bubblewrap
def test_usual_imports_are_there_where_the_verifier_asks_for_them(judge: Judge) -> None:
    program = (
        "from __future__ import annotations\nclass Solution:\n"
        "    def solve(self, xs: List[int]) -> int: return Counter(xs)[2] + pow(2, 3, 5)"
    )
    tests = [{"arguments": [[2, 2]], "value": 5}]
    assert values(scored(judge, asking(tests, prelude=True), program)) == [1.0]
    assert values(scored(judge, asking(tests), program)) == [0.0]


@needs_bubblewrap
def test_an_item_without_tests_is_unreadable_and_costs_itself(judge: Judge) -> None:
    none, good = asking([]), asking([{"arguments": [1], "value": 1}])
    program = Answer(text="def solve(n): return n")
    scores = judge.score([(none, program), (good, program)])
    assert [(score.correct, score.cause) for score in scores] == [
        (False, "ValueError"), (True, None),
    ]  # fmt: skip


def test_without_bubblewrap_programs_are_refused_unless_allowed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for module in ("isolated", "shared"):
        monkeypatch.setattr(f"dataenvgym_spec.gym.sandboxes.{module}.available", lambda: None)
    item = asking([{"arguments": [2], "value": 4}])
    refusing = judge_of()
    with pytest.raises(UserError, match="bubblewrap") as refused:
        scored(refusing, item, "def solve(n): return 4")
    assert "lesser: allow" in str(refused.value.help)
    allowed = judge_of(lesser=True, seconds=0.5)
    planted = tmp_path / "planted"
    writes = f"open('{planted}', 'w')\ndef solve(n): return 4"
    good, *bad = scored(allowed, item, "def solve(n): return 4", writes, "import os\nos.fork()")
    allowed.close()
    assert good.correct and values(bad) == [0.0, 0.0] and not planted.exists()
    assert allowed.where == "process"


def test_a_scorer_of_programs_executes_nothing_by_itself() -> None:
    named = judge_of()._judgement.arguments["scorer"]
    scorer = make(Named.parse(named))
    with pytest.raises(ValueError, match="sandbox alone"):
        scorer.score([(SECRETS, Answer(text=HONEST))])


@needs_bubblewrap
@pytest.mark.parametrize("place", range(1, 6))
def test_what_somebody_kills_costs_no_program_its_points(place: int) -> None:
    """Whatever of it is killed: the program, who keeps it, who judges it, who forks them."""
    asked = asking([{"arguments": [n], "value": n} for n in NUMBERS])
    slow = "import time\ndef solve(n):\n    time.sleep(0.5)\n    return n\n"
    made = judge_of(seconds=5, memory=64)
    try:
        assert values(scored(made, asked, "def solve(n): return n")) == [1.0]
        before = set(psutil.Process().children(recursive=True))
        with ThreadPoolExecutor() as threads:
            scoring = threads.submit(scored, made, asked, slow)

            def parts() -> list[psutil.Process]:
                """What works there, the newest last: the program sleeps at the end."""
                found = {*psutil.Process().children(recursive=True)}
                return sorted(found, key=lambda one: (one.create_time(), one.pid))

            wait_until(lambda: len(set(parts()) - before) >= 3, "the program to run")
            parts()[-place].kill()
            assert values(scoring.result()) == [1.0]
    finally:
        made.close()
