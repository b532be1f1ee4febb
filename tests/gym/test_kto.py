"""Labelled answers: which are learned, the same however they are spread, and from a checkpoint."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.students.adapters.lora import Lora
from dataenvgym_spec.gym.students.trainers.protocol import Job
from dataenvgym_spec.gym.tasks.scoring import Judge
from dataenvgym_spec.records.files import read_rows
from tests.support.judged import adding, examples, job, killed, measured, same

OPTIONS: dict[str, Any] = {
    "worse": "examples", "samples": 2, "temperature": 1.0, "max_new_tokens": 6, "beta": 0.1,
    "objective": "kto", "desirable_weight": 1.0, "undesirable_weight": 1.0,
}  # fmt: skip
ROWS = [*examples(8, rejected="none"), *examples(2)]


def train(made: Job, **options: Any) -> dict[str, Any]:
    from dataenvgym_spec.gym.students.trainers.kto import Kto

    return measured(Kto(**{**OPTIONS, **options}), made)


def made(folder: Path, base: Path, judge: Judge, **more: Any) -> Job:
    return job(folder, base, judge, **{"rows": ROWS, "learning_rate": 1e-2, **more})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, blank: Path, judge: Judge) -> Path:
    """A training that keeps a checkpoint of every step."""
    folder = tmp_path_factory.mktemp("whole") / "work"
    train(made(folder, blank, judge, checkpoint_seconds=0))
    return folder


def test_desirable_answers_become_likelier_than_others(whole: Path) -> None:
    """An example without a worse answer is learned, too."""
    labels = read_rows(whole / "labels.jsonl")
    assert [row["desirable"] for row in labels] == [True] * 10 + [False] * 8
    assert {row["completion"] for row in labels[10:]} == {"none"}
    facts = json.loads((whole / "facts.json").read_text(encoding="utf-8"))
    assert (facts["desirable"], facts["undesirable"], facts["steps"]) == (10, 8, 4)
    curve = read_rows(whole / "loss.jsonl")
    assert [row["step"] for row in curve] == [1, 4]
    assert abs(curve[0]["loss"] - 0.5) < 1e-6, "it begins where it is held to"
    assert curve[-1]["reward"] > 0 and curve[-1]["kl"] >= 0
    assert curve[-1]["loss"] < curve[0]["loss"]


def test_a_killed_training_goes_on_to_the_same_bytes(
    whole: Path, blank: Path, judge: Judge, tmp_path: Path
) -> None:
    """What it is compared with is where the first attempt began."""
    again = made(tmp_path / "again", blank, judge, checkpoint_seconds=0)
    train(killed(again, whole, after=2))
    assert same(whole, tmp_path / "again")


def test_how_answers_are_spread_does_not_change_the_weights(
    blank: Path, judge: Judge, tmp_path: Path
) -> None:
    """One at once, in five parts of a step: what is set off is of the whole step.

    Where all answers are to become likelier, those to other questions do, too.
    """
    whole, spread, zero = (tmp_path / name for name in ("whole", "spread", "zero"))
    strong: dict[str, Any] = {"undesirable_weight": 0.0, "beta": 2.0}
    train(made(whole, blank, judge), **strong)
    assert read_rows(whole / "loss.jsonl")[-1]["kl"] > 0
    train(made(spread, blank, judge, device_batch=1, accumulation=5), **strong)
    assert same(whole, spread, 1e-5)
    train(made(zero, blank, judge), **strong, objective="apo-zero")
    assert not same(whole, zero, 1e-4)


def test_an_adapter_is_stored_alone_and_trained_on(
    blank: Path, judge: Judge, tmp_path: Path
) -> None:
    adapter = Lora(r=2, alpha=4, dropout=0.0)
    first = made(tmp_path / "first", blank, judge, adapter=adapter, checkpoint_seconds=0)
    train(first)
    stored = {path.name for path in first.out.iterdir()}
    assert "adapter_model.safetensors" in stored and "ref" not in stored
    again = made(tmp_path / "again", blank, judge, adapter=adapter)
    train(killed(again, tmp_path / "first"))
    assert same(tmp_path / "first", tmp_path / "again")
    on = made(tmp_path / "on", blank, judge, adapter=adapter)
    train(dataclasses.replace(on, start=first.out))
    assert abs(read_rows(on.loss)[0]["loss"] - 0.5) < 1e-6


def test_labels_may_be_dealt_and_have_to_be_there(
    blank: Path, judge: Judge, tmp_path: Path
) -> None:
    facts = train(made(tmp_path / "dealt", blank, judge), shuffle=True)
    assert (facts["desirable"], facts["undesirable"]) == (10, 8)
    labels = read_rows(tmp_path / "dealt" / "labels.jsonl")
    assert [row["desirable"] for row in labels] != [True] * 10 + [False] * 8
    with pytest.raises(StageError, match="no example has a worse answer"):
        train(job(tmp_path / "none", blank, judge))


def test_what_the_student_gets_wrong_is_undesirable(judge: Judge, tmp_path: Path) -> None:
    student = adding(tmp_path)
    facts = train(job(tmp_path / "asked", student, judge), worse="samples")
    labels = read_rows(tmp_path / "asked" / "labels.jsonl")
    wrong = [row for row in labels if not row["desirable"]]
    right = {row["id"]: row["completion"] for row in labels if row["desirable"]}
    assert len(wrong) == facts["undesirable"] > 6
    assert all(row["completion"].strip() != right[row["id"]] for row in wrong)


def test_activations_that_are_computed_again_change_nothing(
    whole: Path, blank: Path, judge: Judge, tmp_path: Path
) -> None:
    train(dataclasses.replace(made(tmp_path / "again", blank, judge), recompute=True))
    assert same(whole, tmp_path / "again")
