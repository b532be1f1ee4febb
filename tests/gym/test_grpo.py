"""Rewards: what the scorer says of a student's answers moves it, also from a checkpoint."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import MissingExtra, StageError
from dataenvgym_spec.gym.students.adapters.lora import Lora
from dataenvgym_spec.gym.students.trainers.protocol import Job
from dataenvgym_spec.gym.tasks.protocol import Answer
from dataenvgym_spec.gym.tasks.scoring import Judge
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.records.files import read_rows
from tests.support.judged import Longer, examples, job, killed, measured, same

OPTIONS: dict[str, Any] = {
    "samples": 4, "temperature": 1.0, "top_p": 1.0, "max_new_tokens": 3, "beta": 0.0,
    "epsilon": 0.2, "weighing": "dapo", "scale": "group",
}  # fmt: skip


def train(made: Job, **options: Any) -> dict[str, Any]:
    from dataenvgym_spec.gym.students.trainers.grpo import Grpo

    return measured(Grpo(**{**OPTIONS, **options}), made)


def test_a_killed_training_goes_on_to_the_same_bytes_and_rewards(
    blank: Path, tmp_path: Path
) -> None:
    """What is drawn after a checkpoint is what would have been drawn."""
    adapter = Lora(r=2, alpha=4, dropout=0.0)
    more = {"adapter": adapter, "checkpoint_seconds": 0, "learning_rate": 1e-2}
    more |= {"batch_size": 3, "device_batch": 2}
    first = job(tmp_path / "first", blank, Longer(), **more)
    facts = train(first, beta=0.01)
    assert (facts["steps"], facts["sampled"], facts["examples"]) == (4, 48, 12)
    curve = read_rows(first.loss)
    assert all(0 < row["reward"] < 1 and row["kl"] >= 0 for row in curve)
    stored = {path.name for path in first.out.iterdir()}
    assert "adapter_model.safetensors" in stored and "ref" not in stored
    again = job(tmp_path / "again", blank, Longer(), **more)
    train(killed(again, tmp_path / "first", after=2), beta=0.01)
    assert same(tmp_path / "first", tmp_path / "again")


def test_rewards_move_the_student_and_dealt_ones_move_it_elsewhere(
    blank: Path, tmp_path: Path
) -> None:
    more = {"learning_rate": 5e-3, "batch_size": 4, "length": {"steps": 12}, "device_batch": 4}
    made = job(tmp_path / "real", blank, Longer(), **more)
    train(made)
    curve = read_rows(made.loss)
    assert curve[-1]["reward"] > curve[0]["reward"] + 0.05
    other = job(tmp_path / "dealt", blank, Longer(), **more)
    train(other, shuffle=True)
    assert read_rows(other.loss)[-1]["reward"] < curve[-1]["reward"]


def test_what_cannot_be_asked_is_said(blank: Path, judge: Judge, tmp_path: Path) -> None:
    with pytest.raises(StageError, match="no prompt leaves room for an answer of 70 tokens"):
        train(job(tmp_path / "long", blank, judge), max_new_tokens=70)
    made = dataclasses.replace(job(tmp_path / "odd", blank, judge), processes=2)
    with pytest.raises(StageError, match="5 questions of a step do not divide among 2 processes"):
        train(made)


def test_equal_answers_to_one_question_are_judged_once() -> None:
    """Each answer takes a child of the sandbox, and a student that has learned often says the same."""
    from dataenvgym_spec.gym.students.trainers.rewards import judged

    seen: list[tuple[str, str]] = []

    class Once(Longer):
        def score(self, answers: Any) -> list[Any]:
            seen.extend((item.id, one.text) for item, one in answers)
            return super().score(answers)

    first, second = (row.item for row in examples(2))
    assert first is not None and second is not None
    said = [(first, "1"), (first, "22"), (first, "1"), (second, "1"), (second, "1")]
    answers = [(item, Answer(text=text, truncated=False)) for item, text in said]
    assert judged(Once(), answers) == [1 / 8, 2 / 8, 1 / 8, 1 / 8, 1 / 8]
    assert seen == [(first.id, "1"), (first.id, "22"), (second.id, "1")]


def test_what_draws_answers_may_be_missing(
    blank: Path, judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vllm = definition("backend", "vllm")
    monkeypatch.setattr(type(vllm), "missing", lambda item: ("vllm",) if item == vllm else ())
    with pytest.raises(MissingExtra, match="the backend 'vllm' needs the package 'vllm'"):
        train(job(tmp_path, blank, judge), sampler="vllm")


def test_vllm_is_imported_where_it_draws_alone() -> None:
    """TRL imports it wherever it is installed, which takes longer than a small training."""
    from trl.generation import vllm_generation

    from dataenvgym_spec.gym.students.trainers import rewards

    assert callable(rewards.GRPOTrainer)
    assert not hasattr(vllm_generation, "LLM")


def test_activations_that_are_computed_again_change_nothing(blank: Path, tmp_path: Path) -> None:
    more = {"adapter": Lora(r=2, alpha=4, dropout=0.0), "learning_rate": 1e-2, "batch_size": 3}
    for name, recompute in {"kept": False, "again": True}.items():
        made = job(tmp_path / name, blank, Longer(), device_batch=2, **more)
        train(dataclasses.replace(made, recompute=recompute))
    assert same(tmp_path / "kept", tmp_path / "again")
