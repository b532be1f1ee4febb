"""The band of pass rates: what the student always or never answers right is rejected."""

from pathlib import Path

import pytest

from dataenvgym_spec.gym.checks.difficulty import Difficulty
from dataenvgym_spec.gym.checks.protocol import Sight, rates_of
from dataenvgym_spec.gym.tasks.scorers.exact_match import ExactMatch
from dataenvgym_spec.records.evaluations import Result, Sample
from dataenvgym_spec.records.examples import Example
from tests.support.golden import assert_golden, component, make
from tests.support.graphs import findings
from tests.support.specs import tiny

SEEING = {"no-state": None}


def row(name: str, *marks: bool) -> Result:
    drawn = [
        Sample(prediction="", score=float(right), correct=right, unparseable=False, truncated=False)
        for right in marks
    ]
    return Result(
        id=name, group="g", input=name, target="1", prediction="", score=float(marks[0]), correct=marks[0],
        unparseable=False, truncated=False, samples=tuple(drawn) if len(drawn) > 1 else (),
    )  # fmt: skip


def example(name: str) -> Example:
    return Example(id=name, input=name, target="1", group="g", cluster=name, skill="g")


def said(lowest: float, highest: float, rows: list[Result]) -> list[str | None]:
    check = make("check", component("check", "difficulty", lowest=lowest, highest=highest))
    sight = Sight(scorer=ExactMatch(), rates=rates_of(rows))
    return check.objections([example(one.id) for one in rows], sight)


def test_what_is_outside_of_the_band_is_objected_to() -> None:
    rows = [row("a", True, True, True, True), row("b", True, False, False, True), row("c", False, False, False, False)]  # fmt: skip
    assert said(0.1, 0.9, rows) == [
        "too easy: 100% of the student's answers are right",
        None,
        "too hard: 0% of the student's answers are right",
    ]
    assert said(0.5, 0.5, rows)[1] is None
    assert said(0.0, 1.0, rows) == [None, None, None]


def test_one_answer_is_all_or_nothing() -> None:
    assert rates_of([row("a", True), row("b", False)]) == {("a", "1"): 1.0, ("b", "1"): 0.0}


def test_without_a_student_nothing_is_objected_to() -> None:
    assert Difficulty(lowest=0.5, highest=0.6).objections([example("a")], Sight(scorer=ExactMatch())) == [None]  # fmt: skip


DRAWING = {"generate": {"temperature": 0.7, "samples": 4}}


def checked(student: dict[str, object], arms: dict[str, object], **options: float) -> str:
    return tiny(student=student, arms=arms, agent={"checks": {"difficulty": options}}, analysis=None)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (checked({}, SEEING), "does not serve the decoding 'greedy'"),
        (checked(DRAWING, {}), "observes nothing"),
        (checked(DRAWING, SEEING, lowest=0.6, highest=0.5), "no pass rate is at least 0.6"),
        (checked(DRAWING, SEEING), ""),
    ],
)
def test_a_band_that_cannot_be_measured_is_an_error(tmp_path: Path, text: str, words: str) -> None:
    found = findings(tmp_path, text)
    assert len(found) == bool(words)
    assert all(words in finding.message for finding in found)


def test_the_check_difficulty_makes_what_its_number_says() -> None:
    rows = [row(str(n), *(n & (1 << bit) > 0 for bit in range(4))) for n in range(16)]
    assert_golden("check", "difficulty", {1: "02dce31255567e2b"}, said(0.3, 0.6, rows))
