"""The scripted teacher, asked by the real client of services."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dataenvgym_spec.execute.rehearsal.service import scripted
from dataenvgym_spec.gym.teachers.openai import OpenAITeacher
from dataenvgym_spec.gym.teachers.protocol import Ask
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.resolve.defaults import with_defaults

SHAPE = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}


def test_a_teacher_gets_answers_that_fit_and_are_the_same_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asks = [Ask.of("one", "What is 2 + 3?", shape=SHAPE, seed=4), Ask.of("two", "What is 2 + 3?")]
    with scripted("#### ANSWER") as serving:
        monkeypatch.setenv("DATAENVGYM_OPENAI_URL", f"{serving.address}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "rehearsal")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        options: dict[str, Any] = with_defaults("teacher", {"kind": "openai", "model": "big"})
        options.pop("kind")
        assert definition("teacher", "openai").marked("x-services")
        replies = [
            {reply.ask: reply for reply in OpenAITeacher(**options).answer(asks)} for _ in range(2)
        ]
        assert serving.asked.requests == 4 and serving.asked.allowed == {"big": 4096}
    assert replies[0] == replies[1]
    assert json.loads(replies[0]["one"].text) == {"answer": "#### 5"}
    assert replies[0]["two"].text == "#### 5" and replies[0]["two"].tokens["prompt"] == 4
