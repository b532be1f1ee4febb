"""The prompts of a stage: what is asked and answered before each question."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute import answering
from dataenvgym_spec.execute.prompts import first, require_unseen
from dataenvgym_spec.gym.prompt import Message, Prompt
from dataenvgym_spec.gym.students.backends.protocol import Completion
from dataenvgym_spec.records.items import Item
from tests.support.golden import Workshop, component

ROWS = [("1 + 1", "2", "sum"), ("1 + 2", "3", "sum"), ("2 * 2", "4", "product")]


class Listening:
    """A backend that keeps what it is asked."""

    device = "cpu"

    def __init__(self) -> None:
        self.asked: list[Prompt] = []

    def generate(self, prompts: list[Prompt]) -> list[Completion]:
        self.asked = prompts
        silent = Completion(text="", tokens=1, prompt_tokens=1, truncated=False)
        return [silent for _ in prompts]


def test_what_is_shown_comes_before_each_question_one_of_each_group_in_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, backend, file = Workshop(tmp_path), Listening(), tmp_path / "shown.jsonl"
    monkeypatch.setattr(answering, "load_backend", lambda *_, **__: backend)
    shop.data("feedback", show=0.25)
    lines = [f'{{"q": "{q}", "a": "{a}", "g": "{g}"}}\n' for q, a, g in ROWS]
    file.write_text("".join(lines), encoding="utf-8")
    columns = {"input": "q", "target": "a", "group": "g"}
    source = component("source", "jsonl", path="sha256:1", fields=columns)
    chat = {"system": "Be brief.", "few_shot": {"count": 2, "from": source}, "thinking": False}
    params: dict[str, Any] = {
        "splits": ["shown"],
        "generate": {"dtype": "float32", "backend": "vllm", "max_new_tokens": 2},
        "template": "{{ input }}",
        "chat": chat,
        "score": component("scorer", "exact-match"),
    }
    reads = (("student", "feedback", "shown"), ("items", "feedback", "shown"))
    shop.run("evaluate", "evaluate", params, reads, {"sha256:1": file})
    before = (
        Message(role="system", content="Be brief."),
        Message(role="user", content="2 * 2"),
        Message(role="assistant", content="4"),
        Message(role="user", content="1 + 1"),
        Message(role="assistant", content="2"),
    )
    assert len(backend.asked) > 1
    for prompt in backend.asked:
        assert prompt.messages[:5] == before
        assert [message.role for message in prompt.messages[5:]] == ["user"]
        assert prompt.thinking is False


def test_too_few_items_to_show_are_an_error() -> None:
    item = Item(id="1", input="1", target="2", group="all", cluster="1")
    assert first([item, item], 2) == [item, item]
    with pytest.raises(StageError, match="asks for 3 items, and there are 2"):
        first([item, item], 3)


def test_a_prompt_that_shows_what_a_split_asks_is_refused() -> None:
    """Another file may hold items of the test set: their answers would stand in every prompt."""

    def item(name: str, question: str) -> Item:
        return Item(id=name, input=question, target="2", group="all", cluster=name)

    require_unseen([], [item("1", "1 + 1")])
    require_unseen([item("1", "1 + 1")], [item("2", "2 + 2")])
    for shown in (item("1", "1  +  1"), item("3", "1 + 1")):
        with pytest.raises(
            StageError, match="shows an item that a split asks: '1 \\+ 1'"
        ) as caught:
            require_unseen([shown], [item("2", "2 + 2"), item("1", "1 + 1")])
        assert "from: pool" in (caught.value.help or "")


def test_an_evaluation_refuses_such_a_prompt(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    file = tmp_path / "both.jsonl"
    file.write_text('{"q": "1 + 1", "a": "2"}\n', encoding="utf-8")
    source = component("source", "jsonl", path="sha256:1", fields={"input": "q", "target": "a"})
    score = component("scorer", "exact-match")
    test = {"role": "test", "source": source, "score": score, "draw": "all", "seed": 0}
    shop.run("test", "data", {**test, "lane": [0.0, 1.0]}, files={"sha256:1": file})
    params: dict[str, Any] = {
        "splits": ["test"],
        "generate": {"dtype": "float32", "backend": "vllm", "max_new_tokens": 2},
        "template": "{{ input }}",
        "chat": {"few_shot": {"count": 1, "from": source}},
        "score": score,
    }
    reads = (("student", "test", "test"), ("items", "test", "test"))
    with pytest.raises(StageError, match="shows an item that a split asks"):
        shop.run("evaluate", "evaluate", params, reads, {"sha256:1": file})
