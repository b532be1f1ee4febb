"""Every stage that reads a text has it judged in the sandbox, and goes on after an odd one."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute import answering
from dataenvgym_spec.gym.students.backends.protocol import Completion
from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import read, read_rows, write_json, write_rows
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.records.plans import Plan
from tests.support.golden import OBSERVE, Workshop, component
from tests.support.odd import install_odd

OUGHT = ("7", "seven", "7")
"""The right answer, one on which the scorer raises, and one after it."""


class Writing:
    """A student that writes texts, one after the other."""

    device = "cpu"

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts

    def generate(self, prompts: Sequence[Any]) -> list[Completion]:
        return [
            Completion(text=text, tokens=1, prompt_tokens=1, truncated=False)
            for text, _ in zip(self.texts, prompts, strict=True)
        ]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    """With the scorers of an installed package, of which one evaluates answers."""
    install_odd(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    definitions.cache_clear()
    yield Workshop(tmp_path)
    definitions.cache_clear()


def port(shop: Workshop, name: str) -> Path:
    """A port of the same name that another stage has written."""
    shop.outs[name] = shop.folder / name / "out"
    made = shop.outs[name] / name
    made.mkdir(parents=True)
    return made


def drawn(shop: Workshop, texts: Sequence[Any], score: dict[str, Any]) -> list[dict[str, Any]]:
    rows = shop.folder / "rows.jsonl"
    lines = [json.dumps({"q": f"{n}?", "a": text}) for n, text in enumerate(texts)]
    rows.write_text("\n".join(lines), encoding="utf-8")
    fields = {"input": "q", "target": "a"}
    source = component("source", "jsonl", path="digest", fields=fields)
    params = {"role": "test", "source": source, "score": score, "draw": "all", "seed": 0}
    params |= {"lane": [0.0, 1.0], "wrong_gold": 1.0}
    out = shop.run("test", "data", params, files={"digest": rows})
    return read_rows(out / "test" / "items.jsonl")


def answered(shop: Workshop, texts: Sequence[str], score: dict[str, Any]) -> list[dict[str, Any]]:
    items = []
    for number in range(len(texts)):
        name = str(number)
        items.append(Item(id=name, input=name, target="7", group="g", cluster=name))
    write_rows(port(shop, "test") / "items.jsonl", items)
    generate = {"dtype": "float32", "backend": "transformers", "max_new_tokens": 2}
    params = {"splits": ["test"], "generate": generate, "template": "{{ input }}", "score": score}
    reads = (("student", "test", "test"), ("items", "test", "test"))
    out = shop.run("evaluate", "evaluate", params, reads)
    return read_rows(out / "test" / "results.jsonl")


def checked(shop: Workshop, texts: Sequence[str], score: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for number, text in enumerate(texts):
        item = Item(id=str(number), input="?", target=text, group="g", cluster=str(number))
        rows.append(Example.of(item, "g"))
    write_rows(port(shop, "candidates") / "examples.jsonl", rows)
    plan = Plan(allocation={"g": len(texts)}, reasons={}, errors={})
    write_json(port(shop, "plan") / "plan.json", plan)
    scorable = component("check", "scorable", action="reject")
    params = {"observe": OBSERVE, "checks": [scorable], "score": score}
    reads = (("candidates", "candidates", "candidates"), ("plan", "plan", "plan"))
    out = shop.run("check", "check", params, reads)
    return read_rows(out / "accepted" / "examples.jsonl")


@pytest.mark.parametrize("stage", [drawn, answered, checked])
def test_no_stage_runs_what_it_reads(
    stage: Any, shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = shop.folder / "planted"
    texts = (f"open('{planted}', 'w')", f"__import__('os').system('touch {planted}')", "7")
    monkeypatch.setattr(answering, "load_backend", lambda *_, **__: Writing(texts))
    rows = stage(shop, texts, component("scorer", "evaluating"))
    assert not planted.exists()
    # What was harmless was judged, and is right.
    right = [row for row in rows if row.get("correct", True)]
    assert [row.get("prediction", row["target"]) for row in right] == ["7"]


def test_several_answers_to_an_item_need_a_scorer_that_takes_them(shop: Workshop) -> None:
    with pytest.raises(StageError, match="'evaluating' takes one answer, and an item has several"):
        drawn(shop, ["7", ["7", "8"]], component("scorer", "evaluating"))
    other = Workshop(shop.folder / "other")
    other.folder.mkdir()
    drawn(other, ["7", ["7", "8"]], component("scorer", "exact-match"))


def test_an_evaluation_goes_on_after_an_odd_answer_and_counts_it(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "load_backend", lambda *_, **__: Writing(OUGHT))
    rows = answered(shop, OUGHT, component("scorer", "fragile"))
    assert [(row["correct"], row["unparseable"]) for row in rows] == [
        (True, False), (False, True), (True, False),
    ]  # fmt: skip
    assert "  answers that could not be judged: 1 ValueError" in shop.said
    context = shop.contexts["evaluate"]
    context.write_log(0.0, 1.0)
    log = read(context.log / "run.json", Log)
    assert log.unreadable == {"ValueError": 1}
    assert log.sandbox in {"bubblewrap", "process"}
