"""A student that answers as a teacher: whatever it is asked beside, by its own template, in either backend."""

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

SHAPE = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
ASKS = [Ask.of(f"q{n}", f"{n} + 3 =", samples=2, seed=n) for n in range(5)]


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained(tmp_path_factory.mktemp("student") / "student")


def teacher(folder: Path, **options: Any) -> Teacher:
    usual = {"which": "latest", "backend": "transformers", "dtype": "float32", "max_tokens": 6}
    usual |= {"temperature": 1.0, "top_p": 1.0, "concurrency": 3}
    item = Component(slot="teacher", kind="student", version=1, options={**usual, **options})
    given = {"student": folder, "base": None}
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


def test_golden_bytes() -> None:
    """What it is asked, under which seed, where the shape has to be said."""
    ask = Ask.of("q", "What?", system="Be brief.", shape=SHAPE)
    prompts = [prompt_of(with_shape(ask), chats=chats).plain() for chats in (True, False)]
    seeds = [seed_of(ask, sample) for sample in range(2)]
    assert_golden("teacher", "student", {1: "0eacefaedcea1179"}, [*prompts, *seeds])
