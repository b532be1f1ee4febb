"""A server that a stage starts: it is there when it is asked, and gone in every case; real vLLM with `slow`."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym import Ask, Reply
from dataenvgym_spec.gym.answers import answer_in, exactly, fields_of
from dataenvgym_spec.gym.students.models.path import Local
from dataenvgym_spec.gym.teachers import chat
from dataenvgym_spec.gym.teachers.chat import Dialect
from dataenvgym_spec.gym.teachers.vllm_server import VllmServerTeacher
from tests.support.golden import assert_golden
from tests.support.repositories import ROOT
from tests.support.served import OPTIONS, STAND_IN, pids
from tests.support.waiting import gone, wait_until


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a model, for a program in the place of vLLM."""
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr(VllmServerTeacher, "program", (sys.executable, "-c", STAND_IN))
    return tmp_path


def started(model: Path) -> VllmServerTeacher:
    return VllmServerTeacher(model=Local(path=model), **OPTIONS)


def test_it_is_started_asked_and_ended_with_what_it_started(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    teacher = started(model)
    teacher.stop()
    assert not (model / "pids").exists()  # nobody has asked
    replies = list(teacher.answer([Ask.of("q", "hello", samples=2)]))
    assert [one.text for one in replies] == ["hello to teacher as float32"] * 2
    there = pids(model)
    assert len(there) == 2 and not gone(there) and teacher.device == "cpu"
    list(teacher.answer([Ask.of("r", "again")]))
    assert pids(model) == there
    teacher.close()
    wait_until(lambda: gone(there), "the server and its child end")


def test_one_that_does_not_start_shows_the_end_of_its_log_and_no_key(model: Path) -> None:
    (model / "broken").touch()
    with pytest.raises(
        StageError, match="the server of a teacher ended while it started"
    ) as caught:
        list(started(model).answer([Ask.of("q", "hello")]))
    assert caught.value.help == "the end of its log:\nthis model cannot be [key]"


def test_one_that_ends_by_itself_shows_why(model: Path) -> None:
    teacher = started(model)
    list(teacher.answer([Ask.of("q", "hello")]))
    os.kill(pids(model)[0], signal.SIGKILL)
    with pytest.raises(StageError, match="the server of a teacher ended"):
        list(teacher.answer([Ask.of("r", "again")]))
    teacher.close()


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_its_stage_however_that_ends(model: Path, sent: signal.Signals) -> None:
    code = (
        "import signal, sys; from pathlib import Path\n"
        # Ignored where the tests run in the background of a shell.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from dataenvgym_spec.gym import Ask\n"
        "from tests.gym.test_vllm_server import VllmServerTeacher, started; from tests.support.served import STAND_IN\n"
        "VllmServerTeacher.program = (sys.executable, '-c', STAND_IN)\n"
        "list((teacher := started(Path(sys.argv[1]))).answer([Ask.of('q', 'hello')]))\n"
        "print('asked', flush=True); sys.stdin.read()"
    )
    stage = subprocess.Popen(
        [sys.executable, "-c", code, str(model)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert stage.stdout is not None and stage.stdout.readline() == b"asked\n"
    there = pids(model)
    stage.send_signal(sent)
    stage.wait()
    wait_until(lambda: gone(there), "the server and its child end with the stage")


@pytest.mark.slow
def test_a_real_server_answers_in_shape(tmp_path: Path) -> None:
    from tests.support.students import conversational
    from tests.support.training import SHAPE

    folder = conversational(tmp_path / "model")
    teacher = VllmServerTeacher(model=Local(path=folder), **OPTIONS)
    try:
        asks = [Ask.of("q", "2 + 2 =", shape=SHAPE, samples=2, seed=3), Ask.of("r", "1 + 1 =")]
        replies = list(teacher.answer(asks))
        assert sorted((one.ask, one.sample) for one in replies) == [("q", 0), ("q", 1), ("r", 0)]
        shaped = [one for one in replies if one.ask == "q"]
        assert all(one.usable and '"answer"' in one.text for one in shaped)
        assert all(isinstance(one, Reply) and one.tokens["prompt"] for one in replies)
    finally:
        teacher.close()


@pytest.mark.slow
def test_a_real_server_writes_tools_and_their_calls_in_shape(tmp_path: Path) -> None:
    """A model that draws its letters: only the form is right, of each reply that came to its end."""
    from tests.support.students import conversational

    folder = conversational(tmp_path / "model", max_positions=4096)
    example = exactly(fields_of("calls", reasoning=True))
    listed = {"type": "array", "items": example, "minItems": 1, "maxItems": 1}
    ask = Ask.of("q", "Write a request.", shape=exactly({"examples": listed}), samples=8, seed=1)
    teacher = VllmServerTeacher(model=Local(path=folder), **{**OPTIONS, "max_tokens": 4000})
    try:
        replies = list(teacher.answer([ask]))
    finally:
        teacher.close()
    whole = [one for one in replies if one.finish == "stop"]
    assert len(replies) == 8 and whole
    for one in whole:
        (given,) = json.loads(one.text)["examples"]
        jsonschema.validate(given, example)
        called = [made["name"].strip() for made in given["target"]]
        answer = answer_in(given, "target", "calls")
        assert answer is None or [made["name"] for made in json.loads(answer)] == called


def test_golden_bytes(tmp_path: Path) -> None:
    """What is sent, as far as it determines an answer."""
    settings = VllmServerTeacher(model=Local(path=tmp_path), **OPTIONS).settings
    ask = Ask.of("q", "What?", system="Be brief.", shape={"type": "object"}, seed=3)
    assert_golden(
        "teacher", "vllm-server", {1: "4c711f356e2fbb5a"}, chat.body(ask, 1, settings, Dialect())
    )
