"""Expert iteration: of several answers to a question, one that is accepted is kept, and no other."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from dataenvgym_spec.gym import Answer, Ask, Example, Item, Reply, Request, Score, Tools
from dataenvgym_spec.gym.engines.expert_iteration import ExpertIteration
from dataenvgym_spec.records.plans import TASK
from tests.support.golden import assert_golden, families, likes, make, requests
from tests.support.teachers import Scripted, reply

POOL = [
    Item(
        id=f"p{number}", input=f"{number} + 1 =", target=str(number + 1), group="ab"[number % 2],
        cluster=f"c{number}", verifier={"answer": str(number + 1)} if number < 6 else {},
    )
    for number in range(12)
]  # fmt: skip


class Judging:
    """Right is what ends with the target, as a scorer that reads final answers has it."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def score(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
        self.batches.append(len(answers))
        right = [answer.text.split()[-1] == item.target.split()[-1] for item, answer in answers]
        return [Score(value=float(one), parsed=True) for one in right]


def sure(ask: Ask, sample: int) -> str:
    """Wrong at first, then right in words of its own."""
    number = int(ask.messages[-1].content.split()[-4])
    return "it is 0" if sample == 0 else f"sample {sample} says {number + 1}"


def engine(teacher: Scripted, **options: Any) -> ExpertIteration:
    usual = {"prompt": "{{ input }}", "samples": 3, "accept": "scorer", "top_up": 1, "pool": POOL}
    return ExpertIteration(teacher=teacher, **{**usual, **options})


def made(
    maker: ExpertIteration, asked: list[Request], seed: int = 1, judge: Judging | None = None
) -> list[Example]:
    return list(maker.generate(asked, Tools(seed=seed, scorer=judge or Judging())))


def test_the_first_right_answer_to_each_question_is_taught() -> None:
    teacher, judge = Scripted(says=sure), Judging()
    found = made(engine(teacher), requests(a=3, b=2), judge=judge)
    assert Counter(example.skill for example in found) == {"a": 3, "b": 2}
    assert len(teacher.batches) == 1 and judge.batches == [15]
    by_id = {item.id: item for item in POOL}
    for example in found:
        item = by_id[example.id]
        assert example.target == f"sample 1 says {item.target}"
        assert (example.input, example.verifier) == (item.input, item.verifier)
        assert example.provenance is not None and example.provenance.model == "scripted-1"
        assert example.provenance.asks == (f"{example.asked_by}/{item.id}",)


def test_the_student_is_asked_by_the_template_alone_and_anew_in_each_iteration() -> None:
    teacher = Scripted(says=sure)
    made(engine(teacher, prompt="{{ group }}: {{ input }}", samples=2), requests(a=2), seed=1)
    made(engine(teacher, prompt="{{ group }}: {{ input }}", samples=2), requests(a=9), seed=2)
    one, other = ({ask.id: ask for ask in batch} for batch in teacher.batches[:2])
    assert all(
        ask.messages[0].content == f"a: {POOL[int(ask.id[3:])].input}" for ask in one.values()
    )
    assert all(ask.shape is None and ask.samples == 2 for ask in one.values())
    assert {one[name].seed != other[name].seed for name in one} == {True}


def test_a_question_without_a_right_answer_is_replaced_a_bounded_number_of_times() -> None:
    def says(ask: Ask, sample: int) -> str:
        return "no idea" if ask.messages[-1].content[0] in "02" else sure(ask, sample)

    maker = engine(Scripted(says=says), top_up=9)
    found = made(maker, requests(a=4))
    assert len(found) == 4 and not {"p0", "p2"} & {example.id for example in found}
    once = engine(Scripted(says=says), top_up=0)
    assert len(made(once, requests(a=6))) == 4
    assert once.counts == {"accepted": 4, "given_up": 2}


@pytest.mark.parametrize("finish", ["length", "refusal", "empty"])
def test_an_answer_that_is_not_whole_is_never_taught(finish: str) -> None:
    def says(ask: Ask, sample: int) -> Reply:
        return reply(ask, sure(ask, 1), sample=sample, finish=finish)

    assert made(engine(Scripted(says=says)), requests(a=2)) == []


def test_a_majority_needs_no_right_answer_and_takes_none() -> None:
    def says(ask: Ask, sample: int) -> str:
        return ("it is 7", "surely 7", "no, 8")[sample]

    found = made(
        engine(Scripted(says=says), accept="majority"), [Request(id="1", count=12, skill=TASK)]
    )
    # What differs in words agrees as the scorer reads it, where that does not know what is right.
    assert {example.id for example in found} == {item.id for item in POOL[6:]}
    assert {example.target for example in found} == {"it is 7"}
    same = Scripted(says=lambda _ask, sample: ("It is  7", "it is 7", "no")[sample])
    found = made(engine(same, accept="majority"), [Request(id="1", count=12, skill=TASK)])
    assert len(found) == 12 and all(example.verifier == {} for example in found)
    split = Scripted(says=lambda _ask, sample: "ab"[sample % 2])
    assert made(engine(split, accept="majority", samples=2), requests(a=2)) == []


def test_questions_can_be_those_of_a_procedural_source() -> None:
    source = make("source", families())

    def says(ask: Ask, sample: int) -> str:
        one, sign, other = ask.messages[-1].content.split(":")[-1].split()[:3]
        return str(int(one) + int(f"{sign}{other}")) if sample else "?"

    teacher = Scripted(says=says)
    maker = engine(teacher, source=source, pool=(), samples=2)
    asked = [Request(id="1", count=3, skill="sum"), Request(id="2", count=3, skill="sum")]
    found = made(maker, asked)
    assert [example.asked_by for example in found] == ["1"] * 3 + ["2"] * 3
    assert len({example.id for example in found}) == 6
    # What says how it is judged goes with a question whose answer was judged by it.
    assert all(example.verifier and example.group == "sum" for example in found)


def test_the_engine_expert_iteration_makes_what_its_number_says() -> None:
    found = made(engine(Scripted(says=sure)), requests(a=3, b=9), seed=4)
    voting = engine(Scripted(says=lambda *_: "it is 7"), accept="majority")
    found += made(
        voting, [Request(id="1", count=2, skill=TASK, show=("p8",), like=likes(POOL, 7, 9))]
    )
    assert_golden(
        "engine",
        "expert-iteration",
        {1: "9cee346932829a12", 2: "00a2290aa64970a7"},
        [one.plain() for one in found],
    )
