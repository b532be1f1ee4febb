"""What each stage kind makes of a fixed input, to the byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.execute import answering
from dataenvgym_spec.execute.stages import train as training
from dataenvgym_spec.execute.training.examples import write_examples
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.gym.prompt import Prompt, Prompts, PromptTemplate
from dataenvgym_spec.gym.students.backends.protocol import Completion
from dataenvgym_spec.gym.students.models.protocol import Pretraining
from dataenvgym_spec.gym.students.models.scratch import ScratchModel
from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.files import read_all, read_rows, read_table, write_rows, write_table
from dataenvgym_spec.records.items import Item, in_lane
from dataenvgym_spec.records.plans import Yield
from tests.support.golden import (
    FIELDS,
    LANES,
    ROWS,
    TEMPLATE,
    Workshop,
    assert_golden,
    bytes_of,
    component,
    families,
    make,
)


def _data(shop: Workshop, _patch: pytest.MonkeyPatch) -> str:
    path = shop.folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    listed = {
        "role": "selection",
        "source": component("source", "jsonl", path="sha256:x", fields=FIELDS),
        "score": component("scorer", "exact-match"),
        "draw": {"items": 4},
        "lane": [0.2, 0.7],
        "seed": 3,
    }
    return bytes_of(
        shop.data("test"),
        shop.data("feedback", show=0.25),
        shop.run("listed", "data", listed, files={"sha256:x": path}),
    )


def _reserve(shop: Workshop, _patch: pytest.MonkeyPatch) -> str:
    path = shop.folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    sources = {
        "test": component("source", "jsonl", path="sha256:x", fields=FIELDS),
        "feedback": families(),
    }
    params = {"lanes": {role: LANES[role] for role in sources}, "sources": sources, "seed": 3}
    return bytes_of(shop.run("reserve", "reserve", params, files={"sha256:x": path}))


def _in_the_loop(*names: str) -> Callable[[Workshop, pytest.MonkeyPatch], str]:
    def case(shop: Workshop, _patch: pytest.MonkeyPatch) -> str:
        shop.loop()
        return bytes_of(*(shop.outs[name] for name in names))

    return case


def _assign(shop: Workshop, _patch: pytest.MonkeyPatch) -> str:
    shop.data("feedback", show=0.25)
    found = {"discover": component("discovery", "gold")}
    shown = ("items", "feedback", "shown")
    shop.run("found", "skills", found, (shown,))
    hidden = ("items", "feedback", "hidden")
    return bytes_of(
        shop.run("assign", "assign", found, (("skills", "found", "skills"), shown, hidden))
    )


def _label(shop: Workshop, _patch: pytest.MonkeyPatch) -> str:
    shop.data("feedback", show=0.25)
    shop.data("test")
    found = {"discover": component("discovery", "gold")}
    shop.run("found", "skills", found, (("items", "feedback", "shown"),))
    reads = (("skills", "found", "skills"), ("items", "test", "test"))
    return bytes_of(shop.run("label", "label", {**found, "split": "test"}, reads))


def _three_answers(shop: Workshop) -> tuple[tuple[str, str, str], ...]:
    shop.data("selection")
    for number in (1, 2, 3):
        shop.answers(f"answers-{number}", "selection", "selection")
    return tuple(("results", f"answers-{number}", "selection") for number in (1, 2, 3))


def _gate(shop: Workshop, _patch: pytest.MonkeyPatch) -> str:
    reads = _three_answers(shop)
    return bytes_of(
        *(
            shop.run(f"patience-{number}", "gate", {"patience": number}, reads)
            for number in (1, 2, 3)
        )
    )


def _select(shop: Workshop, _patch: pytest.MonkeyPatch) -> str:
    reads = _three_answers(shop)
    return bytes_of(
        *(
            shop.run(by, "select", {"by": by, "ties": "earliest"}, reads)
            for by in ("selection.accuracy", "last")
        )
    )


def _student(shop: Workshop, _patch: pytest.MonkeyPatch) -> str:
    """What a student from scratch is pretrained on; the training itself promises the same bytes on the same machine only."""
    recipe = {"source": make("source", families()), "examples": {"sum": 9, "gcd": 5}}
    sizes = dict.fromkeys(("vocabulary", "rope_theta", "heads", "layers", "max_positions"), 1)
    prompt = PromptTemplate(TEMPLATE)
    tools = Pretraining(
        seed=1,
        prompt=prompt.render,
        free=lambda item: in_lane(3, item.cluster, [0.3, 1.0]),
        train=lambda *_: None,
    )
    items = ScratchModel(**sizes, pretrain=recipe).examples(tools)
    write_examples(shop.folder / "examples.jsonl", items, Prompts(TEMPLATE))
    return bytes_of(shop.folder)


def _train(shop: Workshop, patch: pytest.MonkeyPatch) -> str:
    """What is handed to the trainer, which is a process of its own."""
    given: dict[str, Any] = {}
    patch.setattr(training, "launch", lambda context, **more: given.update(more))
    shop.loop()
    reads = (
        ("base", "skills", "skills"),
        ("accepted", "check", "accepted"),
        ("accepted", "check-again", "accepted"),
    )
    settings = {"length": {"steps": 3}, "learning_rate": 0.001, "batch_size": 4}
    settings |= {"method": "sft", "dtype": "float32"}
    shop.run("train", "train", {"template": TEMPLATE, "train": settings, "seed": 7}, reads)
    assert (given["trainer"].kind, given["adapter"], given["seed"]) == ("sft", None, 7)
    assert given["settings"].batch_size == 4
    assert given["settings"].dtype == "float32"
    return bytes_of(shop.folder / "train" / "work")


def _evaluate(shop: Workshop, patch: pytest.MonkeyPatch) -> str:
    """The rows that become of given answers: of the real backends, only the machine's own promise the same text."""

    class Echo:
        device = "cpu"

        def generate(self, prompts: list[Prompt]) -> list[Completion]:
            return [
                Completion(
                    text=prompt.text.split("=")[0][-2:],
                    tokens=2,
                    prompt_tokens=len(prompt.text),
                    truncated=len(prompt.text) % 2 == 0,
                )
                for prompt in prompts
            ]

    patch.setattr(answering, "load_backend", lambda *_, **__: Echo())
    shop.data("feedback", show=0.25)
    params = {
        "splits": ["shown", "hidden"],
        "generate": {"dtype": "float32", "backend": "vllm", "max_new_tokens": 2},
        "template": TEMPLATE,
        "score": component("scorer", "reasoning-gym"),
    }
    reads = (
        ("student", "feedback", "shown"),
        ("items", "feedback", "shown"),
        ("items", "feedback", "hidden"),
    )
    return bytes_of(shop.run("evaluate", "evaluate", params, reads))


KIND_CASES: dict[str, Callable[[Workshop, pytest.MonkeyPatch], str]] = {
    "data": _data,
    "reserve": _reserve,
    "skills": _in_the_loop("skills"),
    "assign": _assign,
    "label": _label,
    "plan": _in_the_loop("plan", "plan-again"),
    "generate": _in_the_loop("generate", "generate-again"),
    "check": _in_the_loop("check", "check-again"),
    "gate": _gate,
    "select": _select,
    "student": _student,
    "train": _train,
    "evaluate": _evaluate,
}


GOLDEN = {
    "data": {2: "4aefdade6391051b"},
    "reserve": {2: "bda3a5d87085d110"},
    "skills": {1: "d4ca1973c9269af1"},
    "assign": {1: "d4ca1973c9269af1"},
    "label": {1: "7cb29270e9c87e9b"},
    "plan": {1: "5f06527b376d059a"},
    "generate": {1: "46953b634b019feb"},
    "check": {1: "57e4e85c16f94b50"},
    "gate": {1: "71caceeb3c597b45"},
    "select": {1: "2d56282f85f35fbc"},
    "student": {1: "6781fdd7430f20b5"},
    "train": {1: "91781a5925ec773b"},
    "evaluate": {1: "e01bde6e8867e007", 2: "190556aa5eab3485"},
}
"""The digests of each kind, by its number."""


@pytest.mark.parametrize("kind", KINDS)
def test_a_stage_kind_makes_the_bytes_of_its_number(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = KIND_CASES[kind](Workshop(tmp_path), monkeypatch)
    assert_golden("kind", kind, GOLDEN[kind], made)


def test_a_result_carries_the_cluster_of_its_item(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Workshop(tmp_path)
    _evaluate(shop, monkeypatch)
    for port in ("shown", "hidden"):
        items = read_all(shop.outs["feedback"] / port / "items.jsonl", Item)
        results = read_all(shop.outs["evaluate"] / port / "results.jsonl", Result)
        assert [row.unit for row in results] == [item.cluster for item in items]
        assert any(item.cluster != item.id for item in items)


def test_a_training_with_equal_amounts_leaves_out_what_another_arm_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "launch", lambda *_, **__: None)
    shop = Workshop(tmp_path)
    shop.loop()
    rounds = ("check", "check-again")
    had = [len(read_rows(shop.outs[name] / "accepted" / "examples.jsonl")) for name in rounds]
    few = {"sum": Yield(requested=9, accepted=had[0] - 1), "gcd": Yield(requested=9, accepted=0)}
    write_table(shop.outs["check"] / "yield" / "yield.json", few)
    # The first round's yield stands for that of another arm.
    others = [("others", "check", "yield"), ("others", "check-again", "yield")]
    accepted = [("accepted", name, "accepted") for name in rounds]
    settings = {"length": {"steps": 3}, "learning_rate": 0.001, "batch_size": 4}
    settings |= {"method": "sft", "dtype": "float32"}
    params = {"template": TEMPLATE, "train": settings, "seed": 7, "rounds": 2}
    reads = (("base", "skills", "skills"), *accepted, *others)
    shop.run("train", "train", params, reads)
    rows = read_rows(shop.folder / "train" / "work" / "examples.jsonl")
    assert len(rows) == had[0] - 1 < sum(had)


def test_a_training_on_a_part_of_the_data_says_how_much_it_leaves_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "launch", lambda *_, **__: None)
    shop = Workshop(tmp_path)
    shop.loop()
    given: dict[str, Any] = {}
    monkeypatch.setattr(training, "launch", lambda *_, **more: given.update(more))
    settings = {"length": {"epochs": 3}, "learning_rate": 0.001, "batch_size": 4, "method": "sft"}
    params = {"template": TEMPLATE, "train": settings, "seed": 7, "fraction": 0.25}
    params["equal_steps"] = True
    accepted = [("accepted", name, "accepted") for name in ("check", "check-again")]
    shop.run("train", "train", params, (("base", "skills", "skills"), *accepted))
    assert len(read_rows(shop.folder / "train" / "work" / "examples.jsonl")) == 5
    assert shop.contexts["train"].facts["set_aside"] == 15
    assert shop.said[-2] == "  5 of the 20 examples of this iteration are taught"
    assert given["settings"].length.steps == 15, "three passes over all of them in batches of four"


def test_a_training_that_replays_learns_some_earlier_examples_and_all_of_the_latest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "launch", lambda *_, **__: None)
    shop = Workshop(tmp_path)
    shop.loop()
    settings = {"length": {"steps": 3}, "learning_rate": 0.001, "batch_size": 4, "method": "sft"}
    params = {"template": TEMPLATE, "train": settings, "seed": 7}
    params |= {"replay": {"fraction": 0.25, "latest": 1}}
    names = ("check", "check-again")
    counts = [len(read_rows(shop.outs[name] / "accepted" / "examples.jsonl")) for name in names]
    accepted = [("accepted", name, "accepted") for name in names]
    shop.run("train", "train", params, (("base", "skills", "skills"), *accepted))
    again = round(0.25 * counts[0])
    assert shop.contexts["train"].facts["replayed"] == again
    rows = read_rows(shop.folder / "train" / "work" / "examples.jsonl")
    assert len(rows) == again + counts[1] < sum(counts)


@pytest.mark.parametrize("adapter", [None, component("adapter", "lora", r=2, alpha=4, dropout=0.0)])
def test_a_training_that_goes_on_starts_from_the_student_before(
    adapter: dict[str, Any] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All weights of it, or its adapter on the base."""
    given: dict[str, Any] = {}
    monkeypatch.setattr(training, "launch", lambda context, **more: given.update(more))
    shop = Workshop(tmp_path)
    shop.loop()
    reads = (
        ("base", "skills", "skills"),
        ("accepted", "check", "accepted"),
        ("previous", "plan", "state"),
    )
    settings = {"length": {"steps": 3}, "learning_rate": 0.001, "batch_size": 4, "method": "sft"}
    settings |= {} if adapter is None else {"adapter": adapter}
    params = {"template": TEMPLATE, "train": settings, "seed": 7, "start": "previous"}
    shop.run("train", "train", params, reads)
    base, previous = shop.outs["skills"] / "skills", shop.outs["plan"] / "state"
    whole = (previous, None) if adapter is None else (base, previous)
    assert (given["base"], given["start"]) == whole


@pytest.mark.parametrize("brought", [0, 1])
def test_where_an_agent_may_ask_for_nothing_the_student_before_stays(
    brought: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched: list[Path] = []
    monkeypatch.setattr(training, "launch", lambda context, **more: launched.append(more["base"]))
    shop = Workshop(tmp_path)
    shop.loop()
    candidates = shop.outs["generate"] / "candidates" / "examples.jsonl"
    write_rows(candidates, read_rows(candidates)[:brought])
    shop.check("check-of-few", "generate", ())
    reads = (
        ("base", "skills", "skills"),
        ("accepted", "check", "accepted"),
        ("accepted", "check-of-few", "accepted"),
        ("previous", "plan", "state"),
    )
    settings = {"length": {"steps": 3}, "learning_rate": 0.001, "batch_size": 4, "method": "sft"}
    params = {"template": TEMPLATE, "train": settings, "seed": 7, "latest": 1}
    shop.run("train", "train", params, reads)
    student = shop.outs["train"] / "student"
    if brought:
        assert launched and not list(student.iterdir())
        assert "stayed" not in shop.contexts["train"].facts
    else:
        before = shop.outs["plan"] / "state" / "state.json"
        assert not launched and (student / "state.json").read_bytes() == before.read_bytes()
        assert shop.contexts["train"].facts["stayed"] is True


def test_a_check_says_how_much_of_what_was_asked_for_there_is(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    shop.loop()
    candidates = shop.outs["generate"] / "candidates" / "examples.jsonl"
    write_rows(candidates, read_rows(candidates)[:9])
    shop.check("check-of-few", "generate", ())
    given = read_table(shop.outs["check-of-few"] / "yield" / "yield.json", Yield).values()
    accepted = sum(one.accepted for one in given)
    assert 0 < accepted < 20
    assert shop.said[-1].endswith(f"; {accepted} of 20 asked for")
    assert sum("20 accepted" in line for line in shop.said) == 1


def test_other_bytes_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed of a stream, the order of keys in a file, a rounding: each changes the digest."""
    monkeypatch.setattr("dataenvgym_spec.gym.engines.procedural.seed_from", lambda *parts: 1)
    made = KIND_CASES["generate"](Workshop(tmp_path), monkeypatch)
    with pytest.raises(AssertionError, match="raise its semantics"):
        assert_golden("kind", "generate", GOLDEN["generate"], made)


def test_every_stage_kind_has_a_case() -> None:
    assert set(KIND_CASES) == set(GOLDEN) == set(KINDS)
