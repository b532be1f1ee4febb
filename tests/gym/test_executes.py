"""The check of programs really rejects: what is no Python, fails, never ends, or takes too much."""

import pytest

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.gym.checks.executes import Executes
from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.gym.sandboxes import filter as calls
from dataenvgym_spec.gym.sandboxes.bubblewrap import available
from dataenvgym_spec.gym.tasks.scorers.exact_match import ExactMatch
from dataenvgym_spec.records.examples import Example
from tests.support.golden import assert_golden

pytestmark = pytest.mark.skipif(not calls.possible(), reason="no filter of system calls here")
TESTED = {"entry": "f", "tests": [{"arguments": [1], "value": 2}, {"arguments": [2], "value": 4}]}
JUDGED = {
    "def f(n): return 2 * n": None,
    "```python\ndef f(n): return 2 * n\n```": None,
    "import math\nprint(math.pi)": None,
    "print(int(input()) * 2)": None,
    "def f(n) return n": "its program is not Python: expected ':' (<program>, line 1)",
    "": "there is no program in its answer",
    "raise ValueError('no')": "its program raises ValueError: no",
    "import nothing_like_it": "its program raises ModuleNotFoundError: No module named 'nothing_like_it'",
    "while True: pass": "its program takes too long",
    "x = [0] * 10 ** 10": "its program takes too much memory",
    "exit()": "its program ends before it can be called",
    "open('/etc/shadow')": "its program raises FileNotFoundError: [Errno 2] No such file or directory: '/etc/shadow'",
}


def example(target: str, **verifier: object) -> Example:
    return Example(
        id="1", input="q", target=target, group="g", cluster="c", skill="g", verifier=dict(verifier)
    )


@pytest.mark.skipif(available() is None, reason="bubblewrap is not installed")
def test_programs_that_do_not_run_are_objected_to() -> None:
    check = Executes(block="last", seconds=0.25, memory=128)
    sight = Sight(scorer=ExactMatch())
    found = check.objections([example(target) for target in JUDGED], sight)
    assert dict(zip(JUDGED, found, strict=True)) == JUDGED
    assert_golden("check", "executes", {1: "3e505466d6d6fc06"}, found[:5])
    tested = ["def f(n): return 2 * n", "def f(n): return n + 1", "def f(n):\n  while True: pass"]
    found = check.objections([example(target, **TESTED) for target in tested], sight)
    assert found == [None, "its program fails test 2 of 2", "its program takes too long"]


def test_without_bubblewrap_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataenvgym_spec.gym.sandboxes.isolated.available", lambda: None)
    check = Executes(block="last", seconds=1, memory=128)
    with pytest.raises(UserError, match="bubblewrap"):
        check.objections([example("x = 1")], Sight(scorer=ExactMatch()))
