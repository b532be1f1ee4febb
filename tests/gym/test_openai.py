"""Teachers behind a service that fails in every way it can: what the user sees, and that nothing is paid for twice."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import islice
from typing import Any
from urllib.request import getproxies

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.prompt import Image, Message
from dataenvgym_spec.gym.teachers import chat
from dataenvgym_spec.gym.teachers.azure import AzureTeacher
from dataenvgym_spec.gym.teachers.chat import Dialect, Settings
from dataenvgym_spec.gym.teachers.openai import OpenAITeacher
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply
from dataenvgym_spec.gym.teachers.refusals import waiting
from dataenvgym_spec.gym.teachers.remote import RemoteTeacher
from dataenvgym_spec.gym.teachers.transport import proxy
from dataenvgym_spec.language.components import definition
from tests.support.golden import assert_golden
from tests.support.misbehaving import (
    PASSING,
    Behaviour,
    Service,
    after,
    answer,
    body,
    completion,
    drip,
    error,
    hang,
    reset,
    serving,
    status,
    text_of,
)

KEY = "sk-planted/0123+456789abcdef"
SHAPE = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}


def options(kind: str, **given: Any) -> dict[str, Any]:
    """All options of a teacher that have a value."""
    known = definition("teacher", kind).schema["properties"]
    defaults = {name: row["default"] for name, row in known.items() if "default" in row}
    return {**defaults, "model": "gpt", **given}


def teacher(service: Service, waits: list[float] | None = None, **given: Any) -> RemoteTeacher:
    """A teacher of a service without a key, which waits for nothing and remembers for how long."""
    asked = options("openai", provider="local", address=service.address, **given)
    made = OpenAITeacher(**asked)

    async def sleep(seconds: float) -> None:
        if waits is not None:
            waits.append(seconds)

    made.sleep = sleep
    return made


def asks(*questions: str, **more: Any) -> list[Ask]:
    return [Ask.of(question, question, **more) for question in questions]


def only(replies: Iterator[Reply]) -> Reply:
    (reply,) = replies
    return reply


# --- faults that pass -------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_costs_requests_and_no_answer(fault: str) -> None:
    faults = PASSING[fault]
    with serving({"q": faults}) as service:
        replies = list(teacher(service, timeout=0.3).answer(asks("q", "other")))
    found = {reply.ask: (reply.text, reply.finish, reply.tries) for reply in replies}
    assert found["q"] == ("re: q", "stop", len(faults) + 1)
    assert found["other"] == ("re: other", "stop", 1)
    assert service.given == {"q": 1, "other": 1}
    assert len(service.requests) == len(faults) + 2


def test_a_slow_drip_is_an_answer() -> None:
    with serving({"q": [drip(whole=True)]}) as service:
        reply = only(teacher(service).answer(asks("q")))
    assert (reply.text, reply.tries, service.given["q"]) == ("re: q", 1, 1)


@pytest.mark.parametrize("behaviour", [status(429), status(500), hang, reset, body("<html>")])
def test_what_fails_for_good_ends_with_the_reason(behaviour: Behaviour) -> None:
    with serving({"q": [behaviour] * 3}) as service:
        made = teacher(service, retries=2, timeout=0.2)
        with pytest.raises(StageError) as caught:
            list(made.answer(asks("q")))
        assert len(service.requests) == 3
    assert caught.value.message.startswith(f"'gpt' at {service.address}: ")
    assert caught.value.message.endswith(" (3 requests)")
    assert "what was answered is kept" in caught.value.help


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (status(429), "it answers 429, 'overloaded'"),
        (hang, "no whole answer came within 0.2 s"),
        (reset, "the connection broke (ClientPayloadError)"),
        (body("<html>"), "something that is no JSON: '<html>'"),
        (body('{"result": 1}'), "other JSON than it should: '{\"result\": 1}'"),
    ],
)
def test_the_reason_says_what_happened(behaviour: Behaviour, words: str) -> None:
    with serving({"q": [behaviour]}) as service, pytest.raises(StageError) as caught:
        list(teacher(service, retries=0, timeout=0.2).answer(asks("q")))
    assert words in caught.value.message


def test_a_service_that_is_not_there_is_told() -> None:
    with serving() as service:
        pass
    with pytest.raises(StageError, match="it cannot be reached: connection refused"):
        list(teacher(service, retries=1).answer(asks("q")))


# --- faults that do not ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "words", "help"),
    [
        (error(404, "The model 'gpt' does not exist", "model_not_found"), "404", "correct `model`"),
        (error(401, f"Incorrect API key provided: {KEY}"), "does not accept", "set the key"),
        (error(429, "No credit", "insufficient_quota"), "429, 'No credit'", "credit"),
        (error(400, "temperature must be at most 1"), "temperature must be", "options"),
        (status(302, "", location="https://elsewhere.example"), "elsewhere", "final address"),
        (status(429, retry_after="90000"), "asks to wait 90000 s", "run it again then"),
    ],
)  # fmt: skip
def test_a_fault_that_does_not_pass_is_told_at_once(
    behaviour: Behaviour, words: str, help: str
) -> None:
    with serving({"*": [behaviour] * 9}) as service:
        with pytest.raises(StageError) as caught:
            list(teacher(service).answer(asks("q")))
        assert len(service.requests) == 1
    assert words in caught.value.message
    assert help in caught.value.help


def test_after_a_failure_what_is_under_way_is_handed_on_and_no_more_is_begun() -> None:
    late = after([])
    questions = [f"q{number}" for number in range(40)]
    with serving({"q0": [error(404, "gone")], "q1": [late], "q2": [late]}) as service:
        made = teacher(service, concurrency=3)
        replies = []
        with pytest.raises(StageError, match="404, 'gone'"):
            for reply in made.answer(asks(*questions)):
                replies.append(reply)
        assert len(service.requests) < len(questions)
    # All that was paid is there.
    assert {reply.ask for reply in replies} == set(service.given)
    assert {"q1", "q2"} <= set(service.given)


def test_whoever_stops_listening_ends_the_requests() -> None:
    with serving({"q1": [hang]}) as service:
        replies = teacher(service).answer(asks("q0", "q1"))
        assert next(replies).ask == "q0"
        replies.close()  # type: ignore[attr-defined]
    assert len(service.requests) == 2


def test_whoever_has_it_stop_gets_what_is_under_way_and_no_more_is_begun() -> None:
    late = after([])
    with serving({"q0": [answer()], "q1": [late], "q2": [late]}) as service:
        made = teacher(service, concurrency=3)
        replies = []
        for reply in made.answer(asks(*(f"q{number}" for number in range(40)))):
            replies.append(reply)
            made.stop()
        assert len(service.requests) < 10
    assert (
        {reply.ask for reply in replies} == set(service.given) == {*map(text_of, service.requests)}
    )


# --- answers that are kept whatever they are ---------------------------------------------------------


FINISHES: dict[str, tuple[Behaviour, str, str]] = {
    "empty choices": (body('{"choices": [], "usage": {"prompt_tokens": 3}}'), "empty", ""),
    "no text": (answer(text=None), "empty", ""),
    "white space": (answer(text=" \n"), "empty", " \n"),
    "cut": (answer("length", "re:"), "length", "re:"),
    "refused": (answer(text=None, refusal="I will not."), "refusal", "I will not."),
    "filtered": (answer("content_filter", ""), "refusal", ""),
    "a call of a tool": (answer("tool_calls", None), "invalid", ""),
    "in parts": (answer(text=None, content=[{"type": "text", "text": "a"}, {"text": "b"}]), "stop", "ab"),
    "filtered before": (error(400, "no", "content_filter"), "refusal", ""),
    "too long": (error(400, "maximum context length is 8"), "length", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", FINISHES)
def test_an_answer_that_is_of_no_use_is_kept_and_says_why(name: str) -> None:
    behaviour, finish, text = FINISHES[name]
    with serving({"q": [behaviour]}) as service:
        reply = only(teacher(service).answer(asks("q")))
        assert len(service.requests) == 1
    assert (reply.finish, reply.text) == (finish, text)
    assert reply.usable is (finish == "stop")


# --- how it is asked ---------------------------------------------------------------------------------


def test_replies_come_as_they_are_complete_and_say_what_they_are_for() -> None:
    with serving({"q0": [after(["q1", "q2"])]}) as service:
        replies = list(teacher(service).answer(asks("q0", "q1", "q2")))
    assert replies[-1].ask == "q0"
    assert {reply.ask: reply.text for reply in replies} == {f"q{n}": f"re: q{n}" for n in range(3)}
    first = replies[0]
    assert first.tokens == {"prompt": 3, "generated": 2, "cached": 1}
    assert first.model == "served-1"


def test_samples_are_requests_of_their_own_with_seeds_of_their_own() -> None:
    with serving() as service:
        replies = list(teacher(service).answer(asks("q", samples=3, seed=5)))
    assert sorted(reply.sample for reply in replies) == [0, 1, 2]
    assert sorted(request["seed"] for request in service.requests) == [5, 6, 7]


def test_no_more_is_in_flight_than_is_allowed_nor_taken_ahead() -> None:
    taken = []

    def questions() -> Iterator[Ask]:
        for number in range(30):
            taken.append(number)
            yield Ask.of(str(number), str(number))

    with serving() as service:
        replies = teacher(service, concurrency=4).answer(questions())  # type: ignore[arg-type]
        assert len(list(islice(replies, 1))) == 1
        assert len(taken) <= 9
        assert len(list(replies)) == 29
    assert service.most_in_flight <= 4


def test_waits_honour_what_the_service_asks_for() -> None:
    waits: list[float] = []
    ahead = format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True)
    faults = [status(429, retry_after="7"), status(503, retry_after=ahead), status(500)]
    faults.append(status(429, retry_after_ms="1500"))
    with serving({"q": faults}) as service:
        only(teacher(service, waits).answer(asks("q")))
    # Before a request that others were told to hold back is another wait.
    assert any(7 <= wait <= 8 for wait in waits)
    assert any(290 <= wait <= 301 for wait in waits)
    assert any(1.5 <= wait <= 2.5 for wait in waits)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("nan", None), ("inf", None), ("soon", None), ("", None),
     ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0), ("Sun, 06 Nov 1994 08:49:37", None)],
)  # fmt: skip
def test_what_a_service_asks_to_wait(text: str, seconds: float | None) -> None:
    assert waiting({"Retry-After": text}) == seconds


def test_a_long_wait_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    faults = {name: [status(429, retry_after="20"), status(500)] for name in "abc"}
    with serving(faults) as service:
        list(teacher(service).answer(asks("a", "b", "c", "d")))
    (line,) = capsys.readouterr().out.splitlines()
    start = f"  'gpt' at {service.address}: it answers 429, 'overloaded'; asked again in 2"
    assert line.startswith(start)


def test_a_service_that_fails_again_and_again_is_left_alone_for_a_while() -> None:
    waits: list[float] = []
    with serving({"*": [status(500)] * 12}) as service:
        replies = list(teacher(service, waits, retries=20, concurrency=1).answer(asks("q")))
    assert replies[0].tries == 13
    # The breaker opens after ten failures in a row; each wait before it is of the retries.
    assert sum(wait > 25 for wait in waits) >= 1


def test_rates_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[float, float]] = []

    class Limiter:
        def __init__(self, rate: float) -> None:
            self.max_rate = rate

        async def acquire(self, amount: float) -> None:
            taken.append((self.max_rate, amount))

    monkeypatch.setattr("dataenvgym_spec.gym.teachers.transport.AsyncLimiter", Limiter)
    rates = {"requests_per_minute": 50, "tokens_per_minute": 1000}
    with serving({"q" * 300: [status(500)]}) as service:
        only(teacher(service, max_tokens=100, **rates).answer(asks("q" * 300)))
    assert taken == [(50, 1), (1000, 200)] * 2


# --- the words of the interface ----------------------------------------------------------------------


def test_a_shape_is_asked_for_as_a_schema() -> None:
    with serving() as service:
        only(teacher(service).answer(asks("q", shape=SHAPE)))
    (request,) = service.requests
    schema = {"name": "answer", "schema": SHAPE, "strict": True}
    assert request["response_format"] == {"type": "json_schema", "json_schema": schema}
    loose = chat.body(asks("q", shape={"type": "object"})[0], 0, settings(), Dialect())
    assert loose["response_format"]["json_schema"]["strict"] is False


def test_a_service_without_schemas_is_told_the_shape_in_words_from_then_on() -> None:
    refusal = error(400, "response_format is not supported")
    said = chat.SHAPED.format(shape=json.dumps(SHAPE))
    with serving({"q": [refusal, refusal]}) as service:
        made = teacher(service)
        reply = only(made.answer(asks("q", shape=SHAPE)))
        only(made.answer(asks("r", shape=SHAPE)))
    assert reply.tries == 3
    asked = [request.get("response_format") for request in service.requests]
    strict = [None if shape is None else shape["json_schema"]["strict"] for shape in asked]
    assert strict == [True, False, None, None]
    assert text_of(service.requests[3]) == f"r\n\n{said}"


def test_a_schema_that_a_service_cannot_hold_answers_to_is_still_sent() -> None:
    with serving({"q": [error(400, "minItems is not permitted")]}) as service:
        made = teacher(service)
        only(made.answer(asks("q", shape=SHAPE)))
        only(made.answer(asks("r", shape=SHAPE)))
    strict = [row["response_format"]["json_schema"]["strict"] for row in service.requests]
    assert strict == [True, False, False]


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "near.example")
    assert proxy("https://far.example/v1") == "http://proxy.example:3128"
    assert proxy("https://near.example/v1") is None


def test_a_service_that_knows_the_longest_answer_by_another_word() -> None:
    refusal = error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.")
    with serving({"q": [refusal]}) as service:
        made = teacher(service, max_tokens=9)
        only(made.answer(asks("q")))
        only(made.answer(asks("r")))
    longest = [request.get("max_completion_tokens") for request in service.requests]
    assert longest == [None, 9, 9]


def test_a_refusal_that_no_other_words_mend_changes_no_words() -> None:
    with serving({"*": [error(400, "max_tokens: no")] * 4}) as service:
        made = teacher(service)
        with pytest.raises(StageError, match="max_tokens: no"):
            list(made.answer(asks("q", shape=SHAPE)))
    assert made.dialect == Dialect()


def test_images_stand_before_the_text() -> None:
    data = base64.b64encode(b"png").decode()
    image = Image(media="image/png", data=data)
    ask = Ask(id="q", messages=(Message(role="user", content="what?", images=(image,)),))
    with serving() as service:
        only(teacher(service).answer([ask]))
    content = service.requests[0]["messages"][0]["content"]
    assert content == [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}},
        {"type": "text", "text": "what?"},
    ]


def test_log_probabilities_are_asked_for_and_given() -> None:
    rows = [{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": -1}]
    content = completion("ab")
    content["choices"][0]["logprobs"] = {"content": rows}
    with serving({"q": [body(json.dumps(content))]}) as service:
        reply = only(teacher(service, logprobs=True).answer(asks("q")))
        assert service.requests[0]["logprobs"] is True
    assert reply.logprobs == (-0.5, -1.0)


# --- keys --------------------------------------------------------------------------------------------


def keyed(service: Service, monkeypatch: pytest.MonkeyPatch, **given: Any) -> RemoteTeacher:
    monkeypatch.setenv("MY_KEY", f"{KEY}\n")
    monkeypatch.setenv("DATAENVGYM_LOCAL_URL", service.address)
    return OpenAITeacher(
        **options("openai", provider="local", key_env="MY_KEY", retries=0, **given)
    )


def test_the_key_is_a_bearer_token(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as service:
        only(keyed(service, monkeypatch).answer(asks("q")))
    assert service.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert service.paths == ["/v1/chat/completions"]


def test_azure_has_the_deployment_in_its_address_and_a_header_for_the_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", KEY)
    with serving() as service:
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", service.address.removesuffix("/v1") + "/")
        made = AzureTeacher(**options("azure", model="my gpt"))
        assert only(made.answer(asks("q"))).text == "re: q"
    path = "/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21"
    assert service.paths == [path]
    assert service.headers[0]["api-key"] == KEY


ECHOES: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "as JavaScript may": lambda text: text.replace("/", r"\/"),
    "as PHP may": lambda text: text.replace("/", r"\/").replace("+", r"\u002B"),
    "letter by letter": lambda text: text.replace("sk-p", r"\u0073\u006b-\u0070"),
}
"""Ways in which JSON writes what it was sent."""


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("code", [200, 302, 400, 401, 403, 404, 413, 429, 500])
def test_no_message_holds_the_key_that_a_service_sends_back(
    code: int, echo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = json.dumps({"error": {"message": f"no: Bearer {KEY}", "code": f"Bearer {KEY}"}})
    replies = [status(code, ECHOES[echo](text)) for text in (told, told[:-2], f"no: {KEY}")]
    with serving({"q": replies}) as service:
        made = keyed(service, monkeypatch)
        for _ in replies:
            with pytest.raises(StageError) as caught:
                list(made.answer(asks("q")))
            said = f"{caught.value!r} {caught.value.message} {caught.value.help} {made.target!r}"
            assert "planted" not in said and "0123" not in said
            assert caught.value.__cause__ is None


@pytest.mark.parametrize("echo", ECHOES)
def test_an_answer_holds_no_key_either(echo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does what it holds, if that is JSON in its turn."""
    inner = ECHOES[echo](json.dumps({"key": KEY}))
    texts = [f"your key is {KEY}", inner]
    rows = [body(ECHOES[echo](json.dumps(completion(text)))) for text in texts]
    with serving({"q": rows}) as service:
        made = keyed(service, monkeypatch)
        assert only(made.answer(asks("q"))).text == "your key is [key]"
        assert json.loads(only(made.answer(asks("q"))).text) == {"key": "[key]"}


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("http://ann:planted@127.0.0.1:9/v1", KEY),
        ("http://[::1/planted", KEY),
        ("http:///planted", KEY),
        ("http://127.0.0.1:99999/planted", KEY),
        ("http://127.0.0.1:9/v1?key=planted", KEY),
        ("http://127.0.0.1:9/v1", "planted\nsecret"),
        ("http://127.0.0.1:9/v1", "plänted-planted"),
    ],
)
def test_an_address_or_a_key_of_no_use_is_told_before_anything_is_sent(
    address: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", key)
    monkeypatch.setenv("DATAENVGYM_LOCAL_URL", address)
    with pytest.raises(StageError, match="of 'local'") as caught:
        OpenAITeacher(**options("openai", provider="local", key_env="MY_KEY"))
    assert "planted" not in f"{caught.value.message} {caught.value.help}"


def test_what_no_request_can_be_made_of_is_told_once_and_without_a_word_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Such as a proxy that is none."""
    monkeypatch.setenv("http_proxy", "http://ann:planted@proxy:none")
    monkeypatch.setattr(
        "dataenvgym_spec.gym.teachers.transport.proxy", lambda _: getproxies()["http"]
    )
    with serving() as service, pytest.raises(StageError, match="cannot be made") as caught:
        list(teacher(service).answer(asks("q")))
    assert "planted" not in f"{caught.value!r} {caught.value.message} {caught.value.help}"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("kind", ["openai", "azure"])
def test_a_missing_key_is_told_by_the_name_of_its_variable(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {"openai": OpenAITeacher, "azure": AzureTeacher}[kind]
    monkeypatch.delenv("OTHER_KEY", raising=False)
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://a.example")
    with pytest.raises(StageError, match="the variable OTHER_KEY is not set") as caught:
        made(**options(kind, key_env="OTHER_KEY"))
    assert caught.value.help == "export OTHER_KEY=KEY"


# --- bytes -------------------------------------------------------------------------------------------


def settings(**given: Any) -> Settings:
    return Settings(**options("openai", **given))


@pytest.mark.parametrize("kind", ["openai", "azure"])
def test_golden_bytes(kind: str) -> None:
    """What is sent and what is made of what comes back."""
    asked = Settings(**options(kind, temperature=0.5, top_p=0.9))
    ask = Ask.of("q", "What?", system="Be brief.", shape=SHAPE, seed=3)
    sent = [chat.body(ask, 1, asked, Dialect(schema=schema)) for schema in (True, False)]
    replies = [
        chat.reply(ask, 0, completion("4", how), asked).plain() for how in ("stop", "length")
    ]
    content = [*sent, *replies]
    if kind == "openai":
        assert_golden("teacher", "openai", {1: "e14f223713596dc0"}, content)
    else:
        assert_golden("teacher", "azure", {1: "e14f223713596dc0"}, content)
