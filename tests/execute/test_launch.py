"""What a training is handed; checkpoints are those of the training that goes on, or are removed."""

import signal
import sys
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from dataenvgym_spec.core.faults import SIGNALLED, MachineFault
from dataenvgym_spec.execute.training.config import Failure, TrainingConfig
from dataenvgym_spec.execute.training.job import run
from dataenvgym_spec.execute.training.launch import _failed, _keep_checkpoints_of
from dataenvgym_spec.gym.students.trainers.protocol import Job, TrainingSettings
from dataenvgym_spec.records.files import read, write_json
from tests.support.components import Install
from tests.support.training import TRAIN


def config(work: Path, seed: int = 0, **settings: object) -> TrainingConfig:
    places = {name: str(work / name) for name in ("base", "out", "examples")}
    return TrainingConfig(
        **places,
        work=str(work),
        trainer={"kind": "sft", "semantics": 1},
        adapter=None,
        files={},
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


@pytest.mark.parametrize("killed", [signal.SIGKILL, signal.SIGABRT])
def test_who_aborts_is_no_fault_of_the_machine_where_another_has_said_why(
    killed: signal.Signals, tmp_path: Path
) -> None:
    failure, code = tmp_path / "failure.json", SIGNALLED + killed
    error = _failed(failure, tmp_path / "trainer.txt", code)
    assert isinstance(error, MachineFault) and error.exit_code == code
    write_json(failure, Failure(message="the loss is no number"))
    error = _failed(failure, tmp_path / "trainer.txt", code)
    assert isinstance(error, MachineFault) == (killed == signal.SIGKILL)
    assert ("the loss is no number" in error.message) == (killed == signal.SIGABRT)


class Reading:
    """A trainer, or its adapter, with an option that is a file."""

    def __init__(self, words: Path) -> None:
        self.text = words.read_text(encoding="utf-8")

    def train(self, job: Job) -> None:
        assert isinstance(job.adapter, Reading)
        (job.out.parent / "read").write_text(self.text + job.adapter.text, encoding="utf-8")


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch, install: Install) -> Install:
    module = ModuleType("reading")
    module.It = Reading  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "reading", module)
    return install


def test_a_trainer_that_needs_the_whole_student_is_given_no_shards(
    reading: Install, tmp_path: Path
) -> None:
    words = {"words": {"type": "string", "description": "Words.", "x-file": "data"}}
    reading("trainer", "reading", properties=words, required=["words"])
    (tmp_path / "words.txt").write_text("so ", encoding="utf-8")
    named = {"kind": "reading", "semantics": 1, "words": "sha256:1"}
    files = {"sha256:1": str(tmp_path / "words.txt")}
    task = msgspec.structs.replace(
        config(tmp_path), trainer=named, files=files, distribution="fsdp2"
    )
    write_json(tmp_path / "config.json", task)
    assert run(tmp_path / "config.json") == 1
    failure = read(tmp_path / "failure.json", Failure)
    assert failure.message == "'reading' needs the whole student in each process"
    assert failure.help == "set training.distribution in hardware.yaml to ddp"


def test_a_trainer_and_an_adapter_are_handed_the_files_of_their_options(
    reading: Install, tmp_path: Path
) -> None:
    words = {"words": {"type": "string", "description": "Words.", "x-file": "data"}}
    for slot in ("trainer", "adapter"):
        reading(slot, "reading", properties=words, required=["words"])
    (tmp_path / "words.txt").write_text("so ", encoding="utf-8")
    named = {"kind": "reading", "semantics": 1, "words": "sha256:1"}
    files = {"sha256:1": str(tmp_path / "words.txt")}
    task = msgspec.structs.replace(config(tmp_path), trainer=named, adapter=named, files=files)
    write_json(tmp_path / "config.json", task)
    assert run(tmp_path / "config.json") == 0
    assert (tmp_path / "read").read_text(encoding="utf-8") == "so so "
