"""What stands in front of a teacher: nothing is asked twice, nothing that came is lost, and answers are in order."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.described import determining
from dataenvgym_spec.execute.journaled import around
from dataenvgym_spec.gym import Ask, Image, Message, Reply
from dataenvgym_spec.gym.make import Named
from dataenvgym_spec.gym.teachers.openai import OpenAITeacher
from dataenvgym_spec.store.journal import Journal
from tests.support.components import Install
from tests.support.desks import (
    Counting,
    Said,
    desk,
    journaled,
    killed,
    moments,
    number,
    questions,
    reply,
)
from tests.support.misbehaving import serving, status

SHAPE = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}


def answers(folder: Path, teacher: Any, asks: Sequence[Ask], **more: Any) -> list[Reply]:
    """What a stage gets, whose process ends afterwards."""
    at = desk(folder, **more)
    given = list(journaled(at, teacher).answer(asks))
    at.close()
    return given


def test_answers_are_given_in_order_and_as_many_as_asked(tmp_path: Path) -> None:
    teacher = Counting(counts=str(tmp_path / "counts"), in_flight=4)
    asks = questions(10, samples=3)
    given = answers(tmp_path, teacher, asks)
    assert [(one.ask, one.sample) for one in given] == [
        (ask.id, sample) for ask in asks for sample in range(3)
    ]
    assert [one.text for one in given] == [number(ask, n) for ask in asks for n in range(3)]
    assert answers(tmp_path, Said(lambda *_: "not asked"), asks) == given


def test_what_came_before_a_failure_is_not_asked_again(tmp_path: Path) -> None:
    class Failing(Counting):
        def answer(self, asks: Sequence[Ask]) -> Iterator[Reply]:
            for turn, one in enumerate(super().answer(asks)):
                if turn == 7:
                    raise StageError("the service is gone")
                yield one

    counts = tmp_path / "counts"
    with pytest.raises(StageError, match="the service is gone"):
        answers(tmp_path, Failing(counts=str(counts)), questions(20))
    assert len(answers(tmp_path, Counting(counts=str(counts)), questions(20))) == 20
    assert counts.stat().st_size == 20 + 1


class Crowd(Said):
    """A teacher all of whose replies come together."""

    def together(self, asks: Sequence[Ask]) -> Iterator[Sequence[Reply]]:
        yield list(self.answer(asks))


def test_replies_that_come_together_are_kept_in_one_transaction(tmp_path: Path) -> None:
    at, said = desk(tmp_path), list[str]()
    at.journal._connection.set_trace_callback(said.append)
    given = list(journaled(at, Crowd(lambda ask, _: ask.id)).answer(questions(30)))
    assert [one.text for one in given] == [f"q-{turn}" for turn in range(30)]
    assert sum(line.startswith("BEGIN") for line in said) == 1
    at.close()


def test_of_two_stages_that_ask_the_same_at_once_the_first_answer_counts(tmp_path: Path) -> None:
    def other(ask: Ask, _: int) -> str:
        # It asks and is done while this answer is on its way.
        if ask.id == "q-1":
            answers(tmp_path / "fast", Said(lambda *_: "first"), [ask], journal=tmp_path)
        return "second"

    at = desk(tmp_path)
    given = list(journaled(at, Crowd(other)).answer(questions(3)))
    at.close()
    assert [one.text for one in given] == ["second", "first", "second"]
    rows = (tmp_path / "log" / "responses.jsonl").read_text().splitlines()
    assert [json.loads(row)["reply"]["text"] for row in rows] == ["second", "first", "second"]


def kills(folder: Path, total: int, count: int, in_flight: int) -> None:
    counts, asks = folder / "counts", questions(total, seed=3)
    counts.touch()
    teacher = Counting(counts=str(counts), in_flight=in_flight)

    def work() -> None:
        answers(folder, teacher, asks)

    died = 0
    for moment in moments(count, total):
        died += killed(work, lambda moment=moment: counts.stat().st_size >= moment)
    assert died >= count - 1  # the last may have been done
    assert [one.text for one in answers(folder, teacher, asks)] == [number(ask) for ask in asks]
    # Of what was asked when a process died no more than was in flight is asked again.
    assert total <= counts.stat().st_size <= total + died * in_flight


@pytest.mark.parametrize("in_flight", [1, 8])
def test_a_kill_loses_no_response_that_had_arrived(in_flight: int, tmp_path: Path) -> None:
    kills(tmp_path, total=300, count=3, in_flight=in_flight)


def remote(address: str, in_flight: int = 4) -> OpenAITeacher:
    """A teacher of a service that asks at once again."""
    known = {"max_tokens": 9, "logprobs": False, "timeout": 9, "retries": 1}
    made = OpenAITeacher(
        model="m", provider="local", address=address, concurrency=in_flight, **known
    )

    async def sleep(_seconds: float) -> None:
        pass

    made.sleep = sleep
    return made


def kills_beside_a_service(folder: Path, total: int, count: int, in_flight: int) -> None:
    asks = questions(total)
    with serving() as service:

        def ask() -> list[Reply]:
            return answers(folder, remote(service.address, in_flight), asks)

        died = 0
        for moment in moments(count, total):
            died += killed(ask, lambda moment=moment: sum(service.given.values()) >= moment)
        given = ask()
        paid = service.given
    assert died >= count - 1
    assert [one.text for one in given] == [f"re: what is {n}?" for n in range(total)]
    # Of what was asked when a process died no more than was in flight is asked again.
    assert sum(paid.values()) <= total + died * in_flight and len(paid) == total


def test_a_kill_loses_no_response_of_a_service_that_had_arrived(tmp_path: Path) -> None:
    kills_beside_a_service(tmp_path, 120, 3, 4)


@pytest.mark.slow
def test_fifty_kills_of_two_thousand_requests_to_a_service(tmp_path: Path) -> None:
    kills_beside_a_service(tmp_path, 2000, 50, 16)


def test_what_a_service_answered_before_it_failed_for_good_is_asked_once(tmp_path: Path) -> None:
    with serving({"what is 7?": [status(503)] * 2}) as service:
        for _ in range(2):
            with suppress(StageError):
                given = answers(tmp_path, remote(service.address), questions(12))
        paid = service.given
    assert [one.text for one in given] == [f"re: what is {n}?" for n in range(12)]
    assert set(paid.values()) == {1} and len(paid) == 12


@pytest.mark.slow
def test_fifty_kills_of_two_thousand_requests(tmp_path: Path) -> None:
    kills(tmp_path, total=2000, count=50, in_flight=1)


@pytest.mark.parametrize(
    "change",
    [
        {"messages": (Message(role="user", content="another"),)},
        {"messages": (Message(role="user", content="q", images=(Image(media="i/p", data="aa"),)),)},
        {"shape": {"type": "string"}},
        {"seed": 4},
        {"identity": "another model"},
        {"run": 8},
    ],
)
def test_all_that_determines_an_answer_is_in_its_key(
    change: dict[str, Any], tmp_path: Path
) -> None:
    first, second = Said(lambda *_: '"a"'), Said(lambda *_: '"b"')
    fields: dict[str, Any] = {"id": "1", "messages": (Message(role="user", content="q"),)}
    list(journaled(desk(tmp_path), first).answer([Ask(**fields)]))
    more = {"seed": change.pop("run")} if "run" in change else {}
    at = journaled(desk(tmp_path, **more), second, change.pop("identity", "t"))
    (given,) = at.answer([Ask(**{**fields, **change})])
    assert given.text == '"b"'


def test_a_teacher_is_told_which_run_asks(tmp_path: Path) -> None:
    """Where a service keeps questions, equal ones of two runs are two (`gym.teachers.batches`)."""
    teacher = Said(lambda ask, sample: "yes")
    list(journaled(desk(tmp_path, seed=7), teacher).answer(questions(1)))
    list(journaled(desk(tmp_path, seed=8), teacher).answer(questions(1)))
    assert [ask.run for ask in teacher.asked] == [7, 8]


def test_neither_the_name_of_a_question_nor_how_many_samples_it_wants_is(tmp_path: Path) -> None:
    teacher = Said(lambda ask, sample: f"{ask.samples} {ask.seed} {sample}")
    answers(tmp_path, teacher, questions(1, seed=5))
    (one,) = answers(tmp_path, teacher, [Ask.of("another", "what is 0?", seed=5)])
    assert (one.ask, one.text, len(teacher.asked)) == ("another", "1 5 0", 1)
    three = answers(tmp_path, teacher, questions(1, seed=5, samples=3))
    assert [one.sample for one in three] == [0, 1, 2] and three[0].text == "1 5 0"
    # The two that are missing are asked for with another seed: this one has given its first already.
    assert teacher.asked[-1].samples == 2 and teacher.asked[-1].seed not in (None, 5)


def test_equal_questions_are_asked_once(tmp_path: Path) -> None:
    teacher = Said(lambda ask, _sample: f"for {ask.id}")
    given = answers(tmp_path, teacher, [Ask.of("1", "same"), Ask.of("2", "same")])
    assert [(one.ask, one.text) for one in given] == [("1", "for 1"), ("2", "for 1")]


def test_an_answer_of_another_shape_is_asked_for_again_with_what_is_wrong(tmp_path: Path) -> None:
    right = '{"n": 4}'
    teacher = Said(lambda ask, _sample: right if len(ask.messages) > 3 else '{"n": "four"}')
    asks = [Ask.of("1", "2 + 2?", shape=SHAPE, samples=2)]
    given = answers(tmp_path, teacher, asks)
    assert [(one.text, one.finish, one.tries) for one in given] == [(right, "stop", 3)] * 2
    assert given[0].tokens == {"prompt": 6, "generated": 3}
    said = [message.content for message in teacher.asked[-1].messages]
    assert said[1] == '{"n": "four"}' and "'n': 'four' is not of type 'integer'" in said[2]
    assert answers(tmp_path, Said(lambda *_: "not asked"), asks, replay=True) == given


def test_who_never_answers_in_shape_is_asked_a_bounded_number_of_times(tmp_path: Path) -> None:
    teacher = Said(lambda *_: "four")
    at = desk(tmp_path)
    (given,) = journaled(at, teacher).answer([Ask.of("1", "2 + 2?", shape=SHAPE)])
    assert (given.text, given.finish, given.usable, len(teacher.asked)) == (
        "four", "invalid", False, 3,
    )  # fmt: skip
    assert at.used()["m-1"].finishes == {"invalid": 3}


@pytest.mark.parametrize("finish", ["length", "refusal", "empty"])
def test_what_is_not_whole_is_kept_and_given_as_it_is(finish: Any, tmp_path: Path) -> None:
    class Declining:
        def answer(self, asks: Sequence[Ask]) -> Iterator[Reply]:
            yield from (reply(ask, "", finish=finish) for ask in asks)

    at = desk(tmp_path)
    given = list(journaled(at, Declining()).answer(questions(2, shape=SHAPE)))
    assert [one.finish for one in given] == [finish] * 2
    assert at.used()["m-1"].finishes == {finish: 2}


def test_json_in_a_code_block_is_taken_out_of_it(tmp_path: Path) -> None:
    teacher = Said(lambda *_: '```json\n{"n": 4}\n```\n')
    (given,) = answers(tmp_path, teacher, questions(1, shape=SHAPE))
    assert (given.text, given.finish) == ('{"n": 4}', "stop")


def test_what_a_model_thinks_before_its_json_is_kept_and_not_given(tmp_path: Path) -> None:
    thought = '<think>\nIs {"n": 5} right? No.\n</think>\n\n{"n": %s}'
    teacher = Said(lambda ask, _: thought % ("4" if len(ask.messages) > 1 else '"four"'))
    (given,) = answers(tmp_path, teacher, questions(1, shape=SHAPE))
    assert (given.text, given.finish) == ('{"n": 4}', "stop")
    # It is asked again as a conversation goes on, of which thoughts are no part.
    assert teacher.asked[-1].messages[1].content == '{"n": "four"}'
    rows = (tmp_path / "log" / "responses.jsonl").read_text(encoding="utf-8").splitlines()
    kept = [json.loads(row)["reply"]["text"] for row in rows]
    assert kept == [thought % '"four"', thought % "4"]
    # Where no shape is asked for, what was written is the answer.
    (whole,) = answers(tmp_path / "plain", teacher, questions(1))
    assert whole.text.startswith("<think>")


def test_half_of_a_character_is_no_answer_of_a_shape_and_is_never_kept(tmp_path: Path) -> None:
    text = {"type": "object", "properties": {"n": {"type": "string"}}}
    right = '{"n": "\\ud83d\\ude00"}'
    teacher = Said(lambda ask, _: right if len(ask.messages) > 1 else '{"n": "\\ud83d"}')
    (given,) = answers(tmp_path, teacher, questions(1, shape=text))
    assert (given.text, given.finish) == (right, "stop")
    assert "'\\ud83d' is half of a surrogate pair" in teacher.asked[-1].messages[2].content
    (plain,) = answers(tmp_path, Said(lambda *_: "a\ud83d"), [Ask.of("p", "plain?")])
    assert plain.text == "a\N{REPLACEMENT CHARACTER}"


class Odd:
    """A teacher that gives what it was not asked for."""

    def __init__(self, *given: Reply) -> None:
        self.given = given

    def answer(self, _asks: Sequence[Ask]) -> Iterator[Reply]:
        yield from self.given


ASK = Ask.of("q-0", "what is 0?")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((), "left 1 answers to 'q-0' out"),
        ((reply(Ask.of("q-9", ""), "a"),), "answer 0 to 'q-9', which is not open"),
        ((reply(ASK, "a", sample=1),), "answer 1 to 'q-0', which is not open"),
        ((reply(ASK, "a"), reply(ASK, "b")), "answer 0 to 'q-0', which is not open"),
        ((reply(ASK, None),), "is none: Expected `str`, got `null`"),  # type: ignore[arg-type]
    ],
)
def test_what_a_teacher_may_not_give_is_told(
    given: tuple[Reply, ...], words: str, tmp_path: Path
) -> None:
    with pytest.raises(StageError, match=words) as caught:
        answers(tmp_path, Odd(*given), questions(1))
    assert caught.value.help


def test_two_questions_of_one_name_are_told(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="2 questions to a teacher have the name 'q-0'"):
        answers(tmp_path, Odd(), [*questions(1), *questions(1)])


def test_a_replay_makes_no_teacher_and_names_what_is_missing(tmp_path: Path) -> None:
    answers(tmp_path, Said(lambda *_: "a"), questions(2))

    def construct() -> Any:
        raise AssertionError("made")

    at = desk(tmp_path, replay=True)
    teacher = journaled(at, Odd())
    teacher._construct = construct
    assert [one.text for one in teacher.answer(questions(2))] == ["a", "a"]
    with pytest.raises(StageError) as caught:
        list(teacher.answer(questions(4)))
    assert "generate-kkkk" in caught.value.message
    assert "'q-2' (what is 2?) and 1 other answers" in caught.value.message
    assert "journal rebuild" in caught.value.help


def test_what_was_lost_while_it_is_read_is_asked_again(tmp_path: Path) -> None:
    teacher = Counting(counts=str(tmp_path / "counts"))
    answers(tmp_path, teacher, questions(20))
    at = desk(tmp_path)
    known = at.journal.known
    at.journal.known = lambda keys: (
        set(keys) if not at.journal.path.with_suffix(".gone").exists() else known(keys)
    )  # type: ignore[method-assign]
    at.journal.find = _losing(at.journal)  # type: ignore[method-assign]
    assert len(list(journaled(at, teacher).answer(questions(20)))) == 20


def _losing(journal: Journal) -> Any:
    """As if the file were removed just before it is read."""
    find = journal.find

    def lost(keys: Sequence[str]) -> Any:
        if not journal.path.with_suffix(".gone").exists():
            journal.path.with_suffix(".gone").touch()
            for path in journal.path.parent.glob("journal.sqlite*"):
                path.unlink()
        return find(keys)

    return lost


def test_the_log_has_what_was_asked_and_rebuilds_the_journal(tmp_path: Path) -> None:
    wrong = Said(lambda ask, _sample: '{"n": 1}' if len(ask.messages) > 1 else "one")
    image = Message(
        role="user", content="what is it?", images=(Image(media="image/png", data="QUJD"),)
    )
    asks = [Ask(id="q", messages=(image,), shape=SHAPE)]
    given = answers(tmp_path, wrong, asks)
    log = tmp_path / "log" / "responses.jsonl"
    first, second = map(json.loads, log.read_text(encoding="utf-8").splitlines())
    assert (first["ask"], first["teacher"], first["reply"]["text"]) == ("q", "m-1", "one")
    assert first["fault"].startswith("it is not JSON") and second["fault"] is None
    assert "QUJD" not in log.read_text(encoding="utf-8")
    elsewhere = desk(tmp_path / "elsewhere", replay=True)
    assert elsewhere.journal.take_over(log) == (2, 0)
    assert list(journaled(elsewhere, Odd()).answer(asks)) == given


def test_what_another_stage_paid_for_costs_nothing_twice(tmp_path: Path) -> None:
    teacher = Said(lambda *_: "a")
    answers(tmp_path, teacher, questions(3))
    other = desk(tmp_path, stage="o" * 64)
    list(journaled(other, teacher).answer(questions(5)))
    used = other.used()["m-1"]
    assert (used.requests, used.tokens) == (2, {"generated": 2, "prompt": 4})
    assert (used.reused, used.reused_tokens) == (3, {"generated": 3, "prompt": 6})
    # What an earlier attempt of the same stage paid for is this stage's cost.
    same = desk(tmp_path)
    list(journaled(same, teacher).answer(questions(3)))
    used = same.used()["m-1"]
    assert (used.requests, used.replayed, used.reused) == (3, 3, 0)


def test_only_language_models_have_a_journal_and_circumstances_are_in_no_key(
    install: Install, tmp_path: Path
) -> None:
    def described(kind: str, **options: Any) -> Named:
        return Named(slot="teacher", kind=kind, version=1, options=options, parts={})

    place = around(desk(tmp_path), lambda _word: [])
    assert place(described("procedural"), lambda: "made") == "made"
    install("teacher", "remote", properties={"pause": {"type": "integer", "x-circumstance": True}})
    one, other = (determining(described("remote", pause=pause, model="m")) for pause in (1, 2))
    assert one == other and one["options"] == {"model": "m"}
    assert place(described("remote", model="m"), lambda: pytest.fail("made"))._name == "m"
