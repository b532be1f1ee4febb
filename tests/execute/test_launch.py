"""Checkpoints are those of the training that goes on, or they are removed."""

from pathlib import Path

import pytest

from dataenvgym_spec.execute.training.config import TrainingConfig
from dataenvgym_spec.execute.training.launch import _keep_checkpoints_of
from dataenvgym_spec.gym.students.trainers.protocol import TrainingSettings
from tests.support.training import TRAIN


def config(work: Path, seed: int = 0, **settings: object) -> TrainingConfig:
    places = {
        name: str(work / name)
        for name in ("base", "out", "checkpoints", "loss", "facts", "failure", "examples")
    }
    return TrainingConfig(
        **places,
        trainer={"kind": "sft", "semantics": 1},
        adapter=None,
        settings=TrainingSettings.parse({**TRAIN, **settings}),
        seed=seed,
        processes=1,
        device_batch=16,
        accumulation=1,
        checkpoint_seconds=60.0,
    )


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "examples").write_text("{}\n", encoding="utf-8")
    _keep_checkpoints_of(config(tmp_path))
    (tmp_path / "checkpoints" / "checkpoint-16").mkdir(parents=True)
    return tmp_path


def test_checkpoints_of_the_same_training_are_kept(work: Path) -> None:
    _keep_checkpoints_of(config(work))
    assert (work / "checkpoints" / "checkpoint-16").is_dir()


@pytest.mark.parametrize("change", ["examples", "settings", "seed"])
def test_checkpoints_of_another_training_are_removed(work: Path, change: str) -> None:
    other = {"settings": {"learning_rate": 0.5}, "seed": {"seed": 1}}.get(change, {})
    if change == "examples":
        (work / "examples").write_text('{"prompt": "1 + 1 ="}\n', encoding="utf-8")
    _keep_checkpoints_of(config(work, **other))
    assert not (work / "checkpoints").exists()
