"""Another teacher's answers: most of them must agree by the scorer, and nobody is asked who need not be."""

import json
from typing import Any

import msgspec
import pytest

from dataenvgym_spec.gym.checks.judge import Judged, judge
from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.gym.checks.verified import FEW, Verified
from dataenvgym_spec.gym.tasks.scorers.exact_match import ExactMatch
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply
from dataenvgym_spec.records.examples import Example
from tests.support.golden import assert_golden
from tests.support.teachers import Scripted, reply

SCORER = ExactMatch(after="A:")
"""It reads only what follows a mark, of answers and of targets that have it."""


def check(teacher: Scripted, samples: int = 3) -> Verified:
    return Verified(teacher=teacher, prompt="{{ input }}", samples=samples, reasoning=False)


def example(number: int, target: str | None = None, skill: str = "g") -> Example:
    question = f"What is {number} + 1?"
    right = str(number + 1) if target is None else target
    return Example(
        id=f"e{number}", input=question, target=right, group="g", cluster=f"e{number}", skill=skill
    )


def said(checked: Verified, *rows: Example) -> list[str | None]:
    return checked.objections(rows, Sight(scorer=SCORER))


def answering(*answers: str) -> Scripted:
    return Scripted(says=lambda _, sample: json.dumps({"answer": answers[sample]}))


def test_a_wrong_target_is_found_out() -> None:
    objections = said(check(Scripted()), example(1), example(2, "9"), example(3, "A: 4"))
    assert objections == [None, "0 of 3 answers of a teacher agree with the target", None]


@pytest.mark.parametrize(
    ("answers", "agree"),
    [
        (("2", "2", "9"), True),
        (("A: 2", "so A:  2", "9"), True),
        (("2", "9", "9"), False),
        (("2", "9", "", "2"), False),
    ],
)
def test_more_than_half_must_agree(answers: tuple[str, ...], agree: bool) -> None:
    (objection,) = said(check(answering(*answers), samples=len(answers)), example(1))
    assert (objection is None) is agree


@pytest.mark.parametrize("finish", ["length", "refusal", "empty", "invalid"])
def test_an_answer_that_cannot_be_used_does_not_agree(finish: str) -> None:
    def says(ask: Ask, sample: int) -> Reply | str:
        whole = json.dumps({"answer": "2"})
        return whole if sample == 0 else reply(ask, whole, sample=sample, finish=finish)

    (objection,) = said(check(Scripted(says=says)), example(1))
    assert objection == "1 of 3 answers of a teacher agree with the target"


def test_what_has_a_verifier_is_judged_by_it_alone() -> None:
    one = msgspec.structs.replace(example(1, "A: 2"), verifier={"answer": "7"})
    assert said(check(answering("2"), samples=1), one) == ["0 of 1 answers of a teacher agree with the target"]  # fmt: skip
    assert said(check(answering("A: 7"), samples=1), one) == [None]


def test_the_teacher_sees_the_question_and_nothing_of_the_answer() -> None:
    teacher = Scripted()
    said(check(teacher), example(1, "secret"))
    assert teacher.prompts == ["What is 1 + 1?"]


def judged(teacher: Scripted, rows: list[Example], **quota: int) -> list[str]:
    checks = [Judged(name="verified", action="reject", reads=None, check=check(teacher))]
    sight = Sight(scorer=SCORER, accepted={"e0": "What is 0 + 1?"})
    return [row.id for row in judge(rows, quota, checks, sight).accepted]


def test_all_that_are_wanted_are_asked_about_at_once_and_the_others_only_if_they_fail() -> None:
    teacher = Scripted()
    rows = [example(number) for number in range(1, 7)]
    more = [example(number, skill="h") for number in range(7, 9)]
    assert judged(teacher, [*rows, *more], g=4, h=2) == ["e1", "e2", "e3", "e4", "e7", "e8"]
    assert [[ask.id for ask in batch] for batch in teacher.batches] == [["e1", "e2", "e3", "e4", "e7", "e8"]]  # fmt: skip
    teacher = Scripted()
    rows = [example(1, "wrong"), *(example(number) for number in range(2, 40))]
    assert len(judged(teacher, rows, g=4)) == 4
    assert [len(batch) for batch in teacher.batches] == [4, FEW]


def test_what_was_accepted_before_is_not_asked_about_ahead() -> None:
    teacher = Scripted()
    judged(teacher, [example(1), example(0), example(2), example(1, "5")], g=4)
    assert [ask.id for ask in teacher.batches[0]] == ["e1", "e2"]


def test_the_check_verified_makes_what_its_number_says() -> None:
    teacher = answering("2", "3", "A: 2", "two")
    rows: list[Any] = [example(1), example(3, "3"), example(4, "A: 2"), example(2, "2")]
    made = said(check(teacher, samples=4), *rows)
    assert_golden(
        "check", "verified", {1: "c9bee5828b72d82a"}, [made, [ask.plain() for ask in teacher.asked]]
    )
