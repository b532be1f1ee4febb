"""Questions handed in as batches: what was asked is found again, whatever ended the run that asked."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from aiohttp import web

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.teachers import batches
from dataenvgym_spec.gym.teachers.openai import OpenAITeacher
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply
from tests.support.batching import BatchService
from tests.support.misbehaving import PASSING, Behaviour, Service, body, listening, serving

OPTIONS: dict[str, Any] = {
    "model": "m", "max_tokens": 9, "logprobs": False, "concurrency": 4, "timeout": 5, "retries": 1,
}  # fmt: skip


class Killed(Exception):
    """The run ends while it waits."""


@contextmanager
def serve(
    looks: int = 2, faults: Sequence[Behaviour] = (), at: str = ".*"
) -> Iterator[BatchService]:
    """A service that misbehaves at first, at each of some addresses."""
    service, other = BatchService(looks), Service({})
    left: dict[str, list[Behaviour]] = defaultdict(lambda: list(faults))

    @web.middleware
    async def misbehave(request: web.Request, handler: Any) -> web.StreamResponse:
        where = f"{request.method} {request.path}"
        rows = left[where] if re.fullmatch(at, where) else []
        return await (rows.pop(0)(other, request, "q") if rows else handler(request))

    def routes(app: web.Application) -> None:
        app.middlewares.append(misbehave)
        service.routes(app)

    with listening(routes) as service.address:
        yield service
        other.closing.set()


def teacher(address: str, killed_at: int = -1, **more: Any) -> OpenAITeacher:
    """A teacher that waits for nothing, or is killed at one of its waits."""
    made = OpenAITeacher(provider="local", address=address, batch=True, **{**OPTIONS, **more})
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == killed_at:
            raise Killed

    made.sleep = sleep
    return made


def asks(*questions: str, **more: Any) -> list[Ask]:
    return [Ask.of(question, question, **more) for question in questions]


def texts(replies: Iterator[Reply]) -> dict[tuple[str, int], str]:
    return {(reply.ask, reply.sample): reply.text for reply in replies}


def test_questions_are_one_batch_and_their_answers_are_removed_once_taken() -> None:
    with serve() as service:
        replies = list(teacher(service.address).answer(asks("a", "b", samples=2)))
        assert all(reply.batched for reply in replies)
        found = texts(replies)
        assert found == {(ask, sample): f"re: {ask}" for ask in "ab" for sample in (0, 1)}
        (batch,) = service.batches.values()
        assert service.files[batch["output_file_id"]] == ""
        body = service.files[batch["input_file_id"]]
        assert body.count("max_completion_tokens") == 4
        # So who asks again gets other answers.
        texts(teacher(service.address).answer(asks("a")))
        assert service.given == {"a": 3, "b": 2}


def test_an_answer_may_hold_what_ends_a_line_elsewhere() -> None:
    with serve() as service:
        found = texts(teacher(service.address).answer(asks("a\u2028b\x85c")))
    assert [*found.values()] == ["re: a\u2028b\x85c"]


def test_a_batch_is_found_again_after_a_kill_while_it_was_waited_for() -> None:
    with serve() as service:
        with pytest.raises(Killed):
            texts(teacher(service.address, killed_at=1).answer(asks("a", "b")))
        assert service.given == {}
        found = texts(teacher(service.address).answer(asks("a", "b")))
        assert set(found.values()) == {"re: a", "re: b"}
        assert service.given == {"a": 1, "b": 1}
        assert len(service.batches) == 1


def test_what_was_not_taken_before_a_kill_is_found_again_and_nothing_is_paid_for_twice() -> None:
    questions = list("abcdef")
    with serve() as service:
        replies = teacher(service.address).answer(asks(*questions))
        taken = [next(replies).ask for _ in range(2)]
        replies.close()  # type: ignore[attr-defined]
        left = [question for question in questions if question not in taken]
        found = texts(teacher(service.address).answer(asks(*left, "new")))
        assert {ask for ask, _ in found} == {*left, "new"}
        assert service.given == dict.fromkeys([*questions, "new"], 1)
        assert len(service.batches) == 2


def test_batches_of_others_are_left_alone_and_lists_have_pages() -> None:
    with serve() as service:
        with pytest.raises(Killed):
            texts(teacher(service.address, killed_at=1).answer(asks("a")))
        for number in range(5):
            service.batches[f"other-{number}"] = {"id": f"other-{number}", "metadata": None}
        texts(teacher(service.address).answer(asks("a")))
        assert service.given == {"a": 1}


def test_large_amounts_are_several_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MOST_ROWS", 2)
    with serve() as service:
        assert len(texts(teacher(service.address).answer(asks(*"abcde")))) == 5
        assert len(service.batches) == 3
    monkeypatch.setattr(batches, "MOST_BYTES", 10)
    with serve() as service:
        assert len(texts(teacher(service.address).answer(asks(*"abc")))) == 3
        assert len(service.batches) == 3


def test_an_answer_that_is_withheld_is_a_reply_and_others_are_told() -> None:
    with serve() as service:
        service.failing = {
            "a": {"message": "no", "code": "content_filter"},
            "b": {"message": "overloaded", "code": "server_error"},
        }
        replies = []
        with pytest.raises(StageError, match="not answered: 1 of a batch that is 'completed'"):
            for reply in teacher(service.address).answer(asks("a", "b", "c")):
                replies.append((reply.ask, reply.finish))
        assert sorted(replies) == [("a", "refusal"), ("c", "stop")]
        service.failing = {}
        assert texts(teacher(service.address).answer(asks("b"))) == {("b", 0): "re: b"}
        assert service.given == {"b": 1, "c": 1}


@pytest.mark.parametrize("state", ["expired", "cancelled"])
def test_a_batch_that_ends_early_gives_what_it_has(state: str) -> None:
    with serve() as service:
        service.state = state
        service.failing = {"a": {"message": "expired", "code": "batch_expired"}}
        found = []
        with pytest.raises(StageError, match=f"1 of a batch that is '{state}'$"):
            found.extend(teacher(service.address).answer(asks("a", "b")))
        assert [(reply.ask, reply.text) for reply in found] == [("b", "re: b")]
        service.state, service.failing = "completed", {}
        assert texts(teacher(service.address).answer(asks("a"))) == {("a", 0): "re: a"}
        assert service.given == {"a": 1, "b": 1}


def test_a_batch_that_fails_is_told_with_the_reason() -> None:
    with serve() as service:
        service.state, service.answered = "failed", 0
        service.said = {"errors": {"data": [{"code": "x", "message": "line 1 is no JSON"}]}}
        with pytest.raises(
            StageError, match=r"1 of a batch that is 'failed': 'line 1 is no JSON'$"
        ):
            texts(teacher(service.address).answer(asks("a")))


@pytest.mark.parametrize("state", ["validating", "finalizing", "cancelling", "a new one"])
def test_a_batch_that_has_not_ended_is_waited_for_and_found_again(state: str) -> None:
    with serve() as service:
        service.begins = state
        with pytest.raises(Killed):
            texts(teacher(service.address, killed_at=1).answer(asks("a")))
        assert texts(teacher(service.address).answer(asks("a"))) == {("a", 0): "re: a"}
        assert service.given == {"a": 1} and len(service.batches) == 1


DAY, HOUR = 86_400, 3_600


@pytest.mark.parametrize(
    ("said", "hours"),
    [
        ({"expires_at": 10 * DAY + 2 * HOUR}, 3),
        ({"created_at": 9 * DAY + 3 * HOUR}, 4),
        ({"created_at": 9 * DAY, "expires_at": None}, 1),
        ({"expires_at": 9 * DAY}, 0),
        ({"expires_at": 9 * DAY, "cancelling_at": 10 * DAY + HOUR}, 2),
        ({"expires_at": "soon"}, 25),
    ],
)
def test_a_batch_is_waited_for_until_it_should_have_ended(
    said: dict[str, Any], hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By when the service says that it expires, or a day after it was begun."""
    clock = [10.0 * DAY]
    monkeypatch.setattr(batches, "time", lambda: clock[0])
    monkeypatch.setattr(batches, "POLL", HOUR / 4)

    async def sleep(seconds: float) -> None:
        clock[0] += seconds
        if clock[0] > 20 * DAY:
            raise Killed

    with serve(looks=1_000) as service:
        service.said = said
        made = teacher(service.address)
        made.sleep = sleep
        with pytest.raises(StageError, match=r"1 of a batch that is 'in_progress'.*\(batch-0\)"):
            texts(made.answer(asks("a")))
        assert 0 <= clock[0] - 10 * DAY - hours * HOUR <= HOUR / 4


def test_what_an_overdue_batch_answers_later_is_taken() -> None:
    """Each run looks at it again; once it is cancelled, the rest is asked anew."""
    with serve(looks=2) as service:
        service.said, service.state, service.answered = {"expires_at": 1}, "cancelled", 1
        for _ in range(2):
            with pytest.raises(StageError, match="should have ended") as told:
                texts(teacher(service.address).answer(asks("a", "b")))
            assert "cancel it there" in (told.value.help or "")
        found = []
        with pytest.raises(StageError, match=r"1 of a batch that is 'cancelled'$"):
            found.extend(teacher(service.address).answer(asks("a", "b")))
        assert [reply.ask for reply in found] == ["a"] and service.given == {"a": 1}
        service.state, service.answered, service.said = "completed", None, {}
        assert texts(teacher(service.address).answer(asks("b"))) == {("b", 0): "re: b"}
        assert service.given == {"a": 1, "b": 1} and len(service.batches) == 2


def test_a_service_without_batches_is_told() -> None:
    with (
        serving({}) as service,
        pytest.raises(StageError, match=r"404|405"),
    ):
        texts(teacher(service.address).answer(asks("a")))


def test_no_answer_of_a_batch_holds_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "sk-planted/0123456789"
    monkeypatch.setenv("MY_KEY", key)
    with serve() as service:
        monkeypatch.setenv("DATAENVGYM_LOCAL_URL", service.address)
        service.escape = lambda text: text.replace("/", r"\/").replace("sk-", r"\u0073k-")
        made = teacher(service.address, key_env="MY_KEY")
        assert set(texts(made.answer(asks(f"is it {key}?"))).values()) == {"re: is it [key]?"}


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_costs_requests_and_no_answer(fault: str) -> None:
    """At each address of the service: of files, of batches, of what they hold, and to remove it."""
    with serve(faults=PASSING[fault]) as service:
        timeout = 0.5 if fault in ("hangs", "a drip that stops") else 9
        replies = teacher(service.address, timeout=timeout, retries=9).answer(asks("a", "b"))
        assert texts(replies) == {("a", 0): "re: a", ("b", 0): "re: b"}
        assert service.given == {"a": 1, "b": 1} and len(service.batches) == 1


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("POST /v1/files", '{"result": 1}'),
        ("POST /v1/batches", '{"id": 7, "status": "in_progress"}'),
        ("GET /v1/batches", '{"data": null}'),
        ("GET /v1/batches", '{"data": [{"metadata": {"made_by": "dataenvgym"}}]}'),
        ("GET /v1/batches", '{"data": [{"id": "x", "metadata": {"made_by": "dataenvgym"}}]}'),
        ("GET /v1/batches/.*", '{"id": "batch-0", "object": "batch"}'),
        ("GET /v1/batches/.*", '{"id": "batch-0", "status": "completed", "output_file_id": 1}'),
        ("GET .*/content", '{"custom_id": "x'),
        ("GET .*/content", "1\n2"),
        ("GET .*/content", "<html>gateway</html>"),
    ],
)
def test_other_words_than_those_of_the_interface_are_asked_about_again(at: str, said: str) -> None:
    with serve(faults=[body(said)], at=at) as service:
        assert texts(teacher(service.address).answer(asks("a"))) == {("a", 0): "re: a"}
        assert service.given == {"a": 1} and len(service.batches) == 1


def test_a_file_that_is_never_one_is_told() -> None:
    with (
        serve() as service,
        pytest.raises(StageError, match=r"another text.*'<html>' \(3 requests"),
    ):
        service.escape = lambda _text: "<html>"
        texts(teacher(service.address, retries=2).answer(asks("a")))


def test_equal_questions_of_two_runs_are_two() -> None:
    """A replicate takes no answer of another one, however each of them was ended."""
    with serve() as service:
        for run in (1, 2):
            with pytest.raises(Killed):
                texts(teacher(service.address, killed_at=1).answer(asks("a", run=run)))
        assert len(service.batches) == 2
        for run in (2, 1):
            assert texts(teacher(service.address).answer(asks("a", run=run))) == {("a", 0): "re: a"}
        assert len(service.batches) == 2 and service.given == {"a": 2}
