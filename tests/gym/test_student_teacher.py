"""A student that answers as a teacher: whatever it is asked beside, by its own template, in either backend."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import MissingExtra
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.gym import Ask, Reply, Teacher
from dataenvgym_spec.gym.make import make
from dataenvgym_spec.gym.teachers.speech import prompt_of, seed_of, with_shape
from dataenvgym_spec.language.components import definition
from tests.support.golden import assert_golden
from tests.support.students import conversational, untrained
from tests.support.training import alone

SHAPE = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
ASKS = [Ask.of(f"q{n}", f"{n} + 3 =", samples=2, seed=n) for n in range(5)]


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained(tmp_path_factory.mktemp("student") / "student")


def teacher(folder: Path, base: Path | None = None, **options: Any) -> Teacher:
    usual = {"which": "latest", "backend": "transformers", "dtype": "float32", "max_tokens": 6}
    usual |= {"temperature": 1.0, "top_p": 1.0, "concurrency": 3}
    item = Component(slot="teacher", kind="student", version=1, options={**usual, **options})
    given = {"student": folder, "base": base}
    made: Teacher = make(item, hand=lambda part: given if part.kind == "student" else {})
    return made


def answers(maker: Teacher, asks: list[Ask]) -> dict[tuple[str, int], Reply]:
    return {(one.ask, one.sample): one for one in maker.answer(asks)}


def test_an_answer_depends_on_its_question_sample_and_seed_alone(student: Path) -> None:
    maker = teacher(student)
    together = answers(maker, ASKS)
    assert len(together) == 10 and maker.device == "cpu"  # type: ignore[attr-defined]
    assert answers(maker, ASKS[::-1]) == together
    assert answers(teacher(student, concurrency=1), ASKS[3:4]).items() <= together.items()
    assert len({one.text for one in together.values()}) > 5
    assert {one.model for one in together.values()} == {"latest student"}
    other = answers(maker, [Ask.of("q0", "0 + 3 =", samples=2, seed=9)])
    assert [one.text for one in other.values()] != [together["q0", n].text for n in range(2)]


def test_it_is_asked_as_in_an_evaluation(student: Path, tmp_path: Path) -> None:
    """By the text alone, or in its own chat template; greedily its answers are those of an evaluation."""
    from dataenvgym_spec.gym import GenerationSettings, Message, Prompt
    from dataenvgym_spec.gym.students.backends.transformers import TransformersBackend

    spoken = conversational(tmp_path / "spoken")
    settings = GenerationSettings(dtype="float32", max_new_tokens=6, batch_size=3)
    for folder, prompt in (
        (student, Prompt(text="1 + 3 =")),
        (spoken, Prompt(messages=(Message(role="user", content="1 + 3 ="),))),
    ):
        backend = TransformersBackend(settings=settings, model=folder, adapter=None)
        (expected,) = backend.generate([prompt])
        (said,) = teacher(folder, temperature=0.0).answer([Ask.of("q", "1 + 3 =")])
        assert said.text == expected.text
        assert said.tokens == {"prompt": expected.prompt_tokens, "generated": expected.tokens}


def test_a_shape_is_in_the_question(student: Path) -> None:
    (plain,) = teacher(student).answer([Ask.of("q", "1 =")])
    (shaped,) = teacher(student).answer([Ask.of("q", "1 =", shape=SHAPE)])
    assert shaped.tokens["prompt"] > plain.tokens["prompt"]
    assert shaped.finish == "length"  # it fills all positions that this student has


def test_what_it_runs_in_may_be_missing(student: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vllm = definition("backend", "vllm")
    monkeypatch.setattr(type(vllm), "missing", lambda item: ("vllm",) if item == vllm else ())
    with pytest.raises(MissingExtra, match="the backend 'vllm' needs the package 'vllm'"):
        list(teacher(student, backend="vllm").answer(ASKS))


@pytest.fixture(scope="module")
def adapted(student: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an adapter on the student, which changes what that says."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(student)
    config = LoraConfig(r=4, lora_alpha=64, target_modules="all-linear", init_lora_weights=False)
    folder = tmp_path_factory.mktemp("adapted")
    get_peft_model(model, config).save_pretrained(folder)
    return folder


GREEDY = [Ask.of(f"g{n}", f"{n} + 3 =") for n in range(4)]
SHORT = {"type": "object", "properties": {"n": {"type": "boolean"}}, "required": ["n"]}
SHAPED = [Ask.of(f"s{n}", f"{n} =", shape=SHORT, samples=2) for n in range(2)]


def in_vllm(folder: Path, base: Path) -> Iterator[Reply]:
    """What it says in vLLM, which is there for the life of a process."""
    yield from teacher(folder, base, backend="vllm", temperature=0.0).answer(GREEDY)
    drawing = teacher(folder, base, backend="vllm", max_tokens=24)
    yield from drawing.answer(SHAPED)
    assert drawing.device in ("cpu", "cuda")  # type: ignore[attr-defined]


@pytest.mark.slow
def test_in_vllm_it_says_the_same_and_is_held_to_a_shape(student: Path, adapted: Path) -> None:
    pytest.importorskip("vllm")
    code = (
        "import json\n"
        "from tests.gym.test_student_teacher import in_vllm\n"
        "folder, base, out = map(Path, sys.argv[1:])\n"
        "out.write_text(json.dumps([reply.plain() for reply in in_vllm(folder, base)]))"
    )
    out = adapted / "out.json"
    alone(code, adapted, student, out)
    said = [Reply.parse(row) for row in json.loads(out.read_text(encoding="utf-8"))]
    greedy = {one.ask: one for one in said[: len(GREEDY)]}
    for one in teacher(adapted, student, temperature=0.0).answer(GREEDY):
        assert greedy[one.ask] == one
    plain = teacher(student, temperature=0.0).answer(GREEDY)
    assert any(greedy[one.ask].text != one.text for one in plain), "the adapter does nothing"
    held = said[len(GREEDY) :]
    assert len(held) == 4 and {one.model for one in held} == {"latest student"}
    assert all(one.usable and isinstance(json.loads(one.text)["n"], bool) for one in held)


def test_golden_bytes() -> None:
    """What it is asked, under which seed, where the shape has to be said."""
    ask = Ask.of("q", "What?", system="Be brief.", shape=SHAPE)
    prompts = [prompt_of(with_shape(ask), chats=chats).plain() for chats in (True, False)]
    seeds = [seed_of(ask, sample) for sample in range(2)]
    assert_golden("teacher", "student", {1: "0eacefaedcea1179"}, [*prompts, *seeds])
