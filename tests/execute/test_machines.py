"""Trainings of several machines: two launches that meet on loopback train one student, equal to two processes of one."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.core.faults import ABORTED
from dataenvgym_spec.execute.hardware import Hardware
from dataenvgym_spec.execute.training import machines
from dataenvgym_spec.execute.training.accelerate import configuration
from dataenvgym_spec.execute.training.config import Failure, TrainingConfig
from dataenvgym_spec.execute.training.machines import (
    NOTICE,
    Notice,
    announced,
    join,
    notices,
    read_notice,
    require_alike,
    take,
)
from dataenvgym_spec.execute.training.network import interface_to
from dataenvgym_spec.execute.training.start import environment_of
from dataenvgym_spec.gym.students.trainers.protocol import TrainingSettings
from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.store.layout import Layout
from tests.support.repositories import environment
from tests.support.students import untrained
from tests.support.training import TRAIN, sums, trained, warm_trainers
from tests.support.waiting import wait_until

TWO = {"DATAENVGYM_MACHINES": "2", "DATAENVGYM_MAIN_ADDRESS": "127.0.0.1"}


@pytest.fixture
def spread() -> Hardware:
    """Three machines of two processes each."""
    given = {
        "DATAENVGYM_MACHINES": "3",
        "DATAENVGYM_MAIN_ADDRESS": "first:4567",
        "DATAENVGYM_PROCESSES": "6",
        "DATAENVGYM_DISTRIBUTION": "fsdp2",
        "CUDA_VISIBLE_DEVICES": "",
    }
    return Hardware.of(given)


def test_a_training_says_where_it_is_met_and_what_it_runs_with(
    spread: Hardware, tmp_path: Path
) -> None:
    layout = Layout(root=tmp_path)
    work = layout.scratch("train-1") / "work"
    work.mkdir(parents=True)
    with announced(spread, work / "config.json") as chosen:
        (path,) = notices(layout)
        notice = read_notice(path)
        assert notice is not None and path == work / NOTICE
        assert chosen == notice.hardware() == spread
        assert notice.config == str(work / "config.json")
        assert "dataenvgym-spec" in notice.versions
        told = configuration(notice.hardware(), rank=2)
        assert (told["num_machines"], told["machine_rank"], told["num_processes"]) == (3, 2, 6)
        assert (told["main_process_ip"], told["main_process_port"]) == ("first", 4567)
        assert [take(path, notice) for _ in range(3)] == [1, 2, None], "each rank is taken once"
    assert notices(layout) == [], "whoever looks now finds none"


def test_the_port_is_a_free_one_unless_it_is_said(tmp_path: Path) -> None:
    spread = Hardware.of({**TWO, "CUDA_VISIBLE_DEVICES": ""})
    assert (spread.processes, spread.port) == (2, 0)
    with announced(spread, tmp_path / "config.json") as chosen:
        assert 1024 < chosen.port < 2**16
        text = (tmp_path / NOTICE).read_text(encoding="utf-8")
        (tmp_path / NOTICE).write_text(text[: len(text) // 2], encoding="utf-8")
        assert read_notice(tmp_path / NOTICE) is None, "half of one is none"
    alone = Hardware(processes=2, device_batch=None)
    with announced(alone, tmp_path / "config.json") as same:
        assert same is alone and not (tmp_path / NOTICE).exists()


@pytest.mark.parametrize(
    "text", ["", ":4567", "first:", "first:many", "first:70000", "first/1", "[::1"]
)
def test_the_first_machine_has_to_be_named(text: str) -> None:
    given = {"DATAENVGYM_MACHINES": "2", "DATAENVGYM_MAIN_ADDRESS": text}
    hardware = Hardware.of({**given, "CUDA_VISIBLE_DEVICES": ""})
    assert (hardware.machines, hardware.address) == (2, None), "a plan needs no place"
    with pytest.raises(UserError, match="where is the first one") as caught:
        hardware.require("float32")
    assert "training.main_process_ip in hardware.yaml" in caught.value.help


def test_each_machine_has_as_many_processes() -> None:
    with pytest.raises(StageError, match="3 processes cannot be shared evenly by 2 machines"):
        Hardware.of({**TWO, "DATAENVGYM_PROCESSES": "3", "CUDA_VISIBLE_DEVICES": ""})


def test_a_machine_that_computes_otherwise_is_not_let_in(
    spread: Hardware, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with announced(spread, tmp_path / "config.json"):
        notice = read_notice(tmp_path / NOTICE)
    assert notice is not None
    require_alike(notice, os.environ)
    content = notice.plain()
    other = Notice.parse({**content, "versions": {**notice.versions, "torch": "0.1"}})
    with pytest.raises(StageError, match=r"runs with torch 0\.1, and this machine has"):
        require_alike(other, os.environ)
    monkeypatch.setattr(machines, "gpus_here", lambda _environ: 1)
    with pytest.raises(StageError, match="takes 2 GPUs of each machine, and there are 1 here"):
        require_alike(Notice.parse({**content, "gpus": 6}), os.environ)


def test_who_aborts_because_another_machine_has_failed_is_not_ended_by_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TrainingConfig(
        **dict.fromkeys(("base", "out", "examples", "work"), str(tmp_path)),
        trainer={"kind": "sft", "semantics": 1},
        adapter=None,
        files={},
        settings=TrainingSettings.parse(TRAIN),
        seed=0,
        processes=2,
        device_batch=16,
        accumulation=1,
        checkpoint_seconds=60.0,
    )
    write_json(tmp_path / "config.json", config)
    aborts = [sys.executable, "-c", "import os; os.abort()"]
    monkeypatch.setattr(machines, "command", lambda *_: aborts)
    spread = Hardware.of({**TWO, "CUDA_VISIBLE_DEVICES": ""})
    with announced(spread, tmp_path / "config.json"):
        path = tmp_path / NOTICE
        notice = read_notice(path)
        assert notice is not None
        assert join(path, notice, 1) == ABORTED
        write_json(config.failure, Failure(message="the loss is no number"))
        assert join(path, notice, 1) == 1


def test_gloo_takes_the_network_that_leads_to_the_first_machine() -> None:
    import psutil

    own = interface_to("127.0.0.1")
    assert own is not None
    assert "127.0.0.1" in {one.address for one in psutil.net_if_addrs()[own]}
    here = Hardware.of({**TWO, "CUDA_VISIBLE_DEVICES": ""})
    assert environment_of(here, {})["GLOO_SOCKET_IFNAME"] == own
    chosen = {"GLOO_SOCKET_IFNAME": "eth7"}
    assert environment_of(here, chosen)["GLOO_SOCKET_IFNAME"] == "eth7", "the user's own counts"
    alone = Hardware(processes=2, device_batch=None)
    assert "GLOO_SOCKET_IFNAME" not in environment_of(alone, {})


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained(tmp_path_factory.mktemp("base") / "student")


@pytest.fixture
def repository(repo: Path) -> Iterator[Path]:
    with warm_trainers(repo.parent):
        yield repo


@pytest.mark.slow
def test_two_machines_train_the_student_of_two_processes(
    repository: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second machine is killed in the first attempt, and another one joins the second, which goes on."""
    from safetensors.torch import load_file

    examples = sums(tmp_path / "examples.jsonl")
    monkeypatch.setenv("DATAENVGYM_PROCESSES", "2")
    monkeypatch.setenv("DATAENVGYM_CHECKPOINT_SECONDS", "0")
    length = {"steps": 60}
    trained(tmp_path / "one", base, examples, length=length)
    for name, value in TWO.items():
        monkeypatch.setenv(name, value)
    stage = Layout(root=repository).scratch("train-2")
    stage.mkdir(parents=True)
    checkpoints = stage / "work" / "checkpoints"

    def joined() -> subprocess.Popen[bytes]:
        return subprocess.Popen(["dataenvgym", "join", "--once"], cwd=repository, env=environment())

    first = joined()

    def kill() -> None:
        wait_until(lambda: any(checkpoints.glob("*/complete")), "a checkpoint", first)
        first.send_signal(signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(StageError, match="the trainer failed"):
        trained(stage, base, examples, length=length)
    killer.join()
    assert first.wait() == -signal.SIGKILL
    second = joined()
    made = trained(stage, base, examples, length=length)
    assert second.wait() == 0
    assert (made.facts["machines"], made.facts["processes"]) == (2, 2)
    weights = [
        load_file(folder / "out" / "student" / "model.safetensors")
        for folder in (tmp_path / "one", stage)
    ]
    for part, numbers in weights[0].items():
        assert (weights[1][part] - numbers).abs().max() < 1e-6
