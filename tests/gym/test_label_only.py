"""The engine that labels: real questions of the pool, answers of the teacher, and nothing of the answers that the pool has."""

import json
from collections import Counter
from typing import Any

from dataenvgym_spec.gym.engines.label_only import LabelOnly
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import TASK, Request
from tests.support.golden import assert_golden, likes, requests
from tests.support.teachers import Scripted

POOL = [
    Item(
        id=f"p{number}", input=f"What is {number} + 1?", target="secret", group="ab"[number % 2], cluster=f"c{number}",
        verifier={"answer": "secret"}, metadata={"n": number},
    )
    for number in range(12)
]  # fmt: skip


def engine(teacher: Scripted, **options: Any) -> LabelOnly:
    usual = {"prompt": "{{ input }}", "samples": 1, "reasoning": False, "top_up": 1}
    return LabelOnly(teacher=teacher, pool=POOL, **{**usual, **options})


def made(labeller: LabelOnly, asked: list[Request], seed: int = 1) -> list[Example]:
    return list(labeller.generate(asked, Tools(seed=seed)))


def test_the_questions_are_real_and_the_answers_the_teachers() -> None:
    teacher = Scripted()
    found = made(engine(teacher), requests(a=3, b=2))
    assert Counter(example.skill for example in found) == {"a": 3, "b": 2}
    assert len(teacher.batches) == 1
    by_id = {item.id: item for item in POOL}
    for example in found:
        item = by_id[example.id]
        assert (example.input, example.cluster, example.metadata) == (item.input, item.cluster, item.metadata)  # fmt: skip
        assert example.target == str(item.metadata["n"] + 1)
        assert example.group == example.skill and example.verifier == {}
    assert "secret" not in json.dumps([example.plain() for example in found])
    assert not any("secret" in prompt for prompt in teacher.prompts)


def test_a_request_can_name_the_items() -> None:
    asked = [Request(id="1", count=2, skill=TASK, like=likes(POOL, 7, 2, 3))]
    assert [example.id for example in made(engine(Scripted()), asked)] == ["p7", "p2"]


def test_a_request_about_the_task_takes_from_the_whole_pool_and_none_twice() -> None:
    asked = [Request(id="1", count=9, skill=TASK), Request(id="2", count=9, skill=TASK)]
    found = made(engine(Scripted()), asked)
    assert sorted(example.id for example in found) == sorted(item.id for item in POOL)


def test_a_question_without_agreement_is_replaced() -> None:
    usual = Scripted()

    def says(ask: Ask, sample: int) -> str | Reply:
        odd = ask.id.endswith(("p0", "p2"))
        return json.dumps({"answer": f"{sample}"}) if odd else usual.says(ask, sample)

    labeller = engine(Scripted(says=says), samples=3, top_up=9)
    found = made(labeller, requests(a=4))
    assert len(found) == 4 and not {"p0", "p2"} & {example.id for example in found}
    once = engine(Scripted(says=says), samples=3, top_up=0)
    assert len(made(once, requests(a=6))) == 4
    assert once.counts == {"answered": 4, "unsolved": 2}


def test_a_question_is_asked_the_same_way_in_every_iteration() -> None:
    """So that an answer which was paid for is never paid for again."""
    one, other = Scripted(), Scripted()
    made(engine(one), requests(a=6), seed=1)
    made(engine(other), requests(a=6), seed=2)
    asked = [{(ask.messages, ask.seed) for ask in teacher.asked} for teacher in (one, other)]
    assert asked[0] == asked[1]
    assert [ask.id for ask in one.asked] != [ask.id for ask in other.asked]


def test_the_engine_label_only_makes_what_its_number_says() -> None:
    found = made(engine(Scripted(), samples=3, reasoning=True), requests(a=3, b=9), seed=4)
    found += made(
        engine(Scripted()),
        [Request(id="1", count=2, skill=TASK, show=("p8",), like=likes(POOL, 7, 9))],
    )
    assert_golden(
        "engine",
        "label-only",
        {1: "b59230d048491f90", 2: "25389bc0450a8855"},
        [one.plain() for one in found],
    )
