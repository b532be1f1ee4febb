"""Where a run's stages go, and what is said where that cannot be."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dataenvgym_spec.cli.common import Project, load_project
from dataenvgym_spec.cli.engines import Variables, engine
from dataenvgym_spec.cli.jobs import Options, run_side_by_side, spread_on
from dataenvgym_spec.core.errors import MissingExtra, StageError, UserError
from dataenvgym_spec.core.machine import gpu_count
from dataenvgym_spec.schedule.capacity import Capacity
from dataenvgym_spec.schedule.local import LocalRunner
from dataenvgym_spec.schedule.models import Models
from dataenvgym_spec.schedule.needs import Spread, needs
from dataenvgym_spec.schedule.order import Stopping
from dataenvgym_spec.schedule.protocol import Needs, Runner, Work
from dataenvgym_spec.schedule.ray.cluster import Cluster, address_of
from dataenvgym_spec.schedule.slurm.runner import SlurmRunner
from dataenvgym_spec.setup.hardware.profile import HardwareProfile, RayCluster, Room, SlurmCluster
from dataenvgym_spec.store.layout import Layout
from tests.support.graphs import compiled
from tests.support.repositories import call, expect_refusal, new_repo
from tests.support.slurm_commands import on_slurm
from tests.support.specs import SMALL


def test_an_engine_that_is_not_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wanted(on: str, address: str | None = None) -> object:
        layout = Layout(root=tmp_path)
        return engine(
            on, address, layout, profile=HardwareProfile(), room=Room(), jobs=None, variables={}
        )  # type: ignore[arg-type]

    assert wanted("local") is None
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="there is no 'sbatch'"):
        wanted("slurm")
    with pytest.raises(UserError, match="that of a Ray cluster"):
        wanted("slurm", "127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra) as caught:
        Cluster.connect("127.0.0.1:1")
    assert caught.value.help == "run: pip install 'dataenvgym-spec[ray]'"


def test_where_a_cluster_is() -> None:
    profile = RayCluster(address="profile:1")
    assert address_of("option:1", profile.address, {"RAY_ADDRESS": "env:1"}) == "option:1"
    assert address_of(None, profile.address, {"RAY_ADDRESS": "env:1"}) == "env:1"
    assert address_of(None, profile.address, {}) == "profile:1"
    assert address_of(None, None, {}) is None


@pytest.fixture
def login_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Slurm's commands are; none of them is run here."""
    (tmp_path / "sbatch").touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


@pytest.mark.parametrize(
    ("cluster", "environ", "message"),
    [
        (SlurmCluster(gpus=4), {"DATAENVGYM_PROCESSES": "8"}, r"training\.processes takes 8 GPUs of a node, and slurm\.gpus is 4"),
        (SlurmCluster(gpus=0), {"DATAENVGYM_VLLM_GPUS": "2"}, r"generation\.tensor_parallel takes 2 GPUs of a node, and slurm\.gpus is 0"),
        (SlurmCluster(time=2), {}, r"slurm\.time is 2: a job ends 120 seconds before its limit"),
    ],
)  # fmt: skip
def test_what_no_job_can_be_is_refused(
    cluster: SlurmCluster, environ: dict[str, str], message: str, login_node: Path
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        on_slurm(login_node, cluster, **environ)
    assert "hardware.yaml" in (caught.value.help or "")
    two = {"DATAENVGYM_PROCESSES": "8", "DATAENVGYM_MACHINES": "2"}
    assert on_slurm(login_node, SlurmCluster(gpus=4), **two).gpus == 4
    assert on_slurm(login_node, SlurmCluster(cpus=999)).cpus == 999, "of nodes, not of this machine"


def test_a_run_warns_once_where_nobody_says_how_many_gpus_there_are(
    login_node: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    light = Work(id="a", targets=("a",), needs=Needs(light=True))
    heavy = Work(id="b", targets=("b",))
    for cluster, works, times in (
        (SlurmCluster(), [light], 0),
        (SlurmCluster(), [light, heavy], 1),
        (SlurmCluster(gpus=0), [heavy], 0),
    ):
        slurm = on_slurm(login_node, cluster)
        slurm.announce(works)
        slurm.announce(works)
        assert capsys.readouterr().err.count("does not say slurm.gpus") == times


@pytest.mark.parametrize("are_left", [True, False])
def test_jobs_that_may_go_on_after_ctrl_c_are_named(
    login_node: Path,
    are_left: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slurm = on_slurm(login_node, SlurmCluster(gpus=0))
    local = LocalRunner(Layout(root=login_node), Capacity(cpus=1), lambda _work: {})
    slurm.around(local, lambda _work: {})
    monkeypatch.setattr(SlurmRunner, "are_left", are_left)
    slurm.close()
    said = capsys.readouterr().err
    assert bool(said) == are_left and ("begin with dataenvgym-" in said) == are_left


def test_a_number_of_jobs_is_refused_where_nothing_would_obey_it(
    tmp_path: Path, login_node: Path
) -> None:
    repo = new_repo(tmp_path / "repo", SMALL)
    said = call("dataenvgym", "run", "tiny", "--on", "slurm", "--jobs", "4", cwd=repo, ok=False)
    expect_refusal(said, "--jobs bounds no jobs of Slurm", "bounded by a QOS or a partition")
    assert on_slurm(login_node, SlurmCluster()), "and is not needed"


def test_what_a_cluster_of_our_own_may_use_is_what_the_user_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = new_repo(tmp_path / "repo", SMALL)
    machine = "machine: {cpus: 2, gpus: 8, memory: 1GiB}\n"
    (repo / "hardware.yaml").write_text(machine, encoding="utf-8")
    asked: list[dict[str, Any]] = []

    def init(**options: Any) -> None:
        asked.append(options)
        raise OSError("no more of it is needed")

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=init))
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    project = load_project(("tiny",), root=repo)
    for jobs in (None, 3):
        with pytest.raises(UserError, match="Ray does not start here"):
            run_side_by_side(project, Options(names=("tiny",), jobs=jobs, on="ray"))
    # There are no eight GPUs, and Ray refuses to be told so.
    has = {"num_gpus": min(8, gpu_count()), "_memory": 2**30}
    assert [{name: one[name] for name in ("num_cpus", *has)} for one in asked] == [
        {"num_cpus": 2, **has},
        {"num_cpus": 3, **has},
    ]


@pytest.mark.parametrize("allowed", [0, 1])
def test_models_are_spread_over_the_gpus_that_the_user_allows(
    allowed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the machine has more, and works may use none, models run on processors."""
    (tmp_path / "hardware.yaml").write_text(f"machine: {{gpus: {allowed}}}\n", encoding="utf-8")
    monkeypatch.setattr("dataenvgym_spec.core.room.gpu_count", lambda: 4)
    asked: list[Spread] = []

    def rounds(*, spread: Spread, **_: Any) -> None:
        asked.append(spread)
        raise StageError("no more of it is needed")

    monkeypatch.setattr("dataenvgym_spec.cli.jobs.Rounds", rounds)
    project = SimpleNamespace(layout=Layout(root=tmp_path))
    with pytest.raises(StageError, match="no more"):
        run_side_by_side(cast(Project, project), Options(names=("tiny",), jobs=4))
    assert [spread.gpus for spread in asked] == [allowed]


def test_an_address_is_for_ray(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo", SMALL)
    said = call("dataenvgym", "run", "tiny", "--address", "127.0.0.1:1", cwd=repo, ok=False)
    expect_refusal(said, "--address is that of a Ray cluster", "add: --on ray")


class Machines:
    """Where stages go in these tests: some machines that are alike."""

    slots = 0

    def __init__(self, cpus: int, gpus: int | None) -> None:
        self.cpus, self.gpus = cpus, gpus

    def around(self, local: Runner, _variables: Variables) -> Runner:
        """This machine's."""
        return local

    def require(self, _packages: Sequence[str]) -> None:
        """Nothing."""

    def announce(self, _works: Sequence[Work], _stopping: Stopping = lambda: 0) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


ONE, EIGHT = {"DATAENVGYM_PROCESSES": "1"}, {"DATAENVGYM_PROCESSES": "8"}
TWO = {"DATAENVGYM_MACHINES": "2"}


@pytest.mark.parametrize("own", [0, 1, 16])
def test_a_training_takes_a_gpu_for_each_of_its_processes(
    own: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many GPUs the machine that drives the run has of its own."""
    monkeypatch.setattr("dataenvgym_spec.execute.hardware.gpus_here", lambda _environ: own)
    graph = compiled(tmp_path, SMALL)

    def taken(kind: str, spread: Spread) -> Needs:
        stage = next(stage for stage in graph.stages if stage.kind == kind)
        return needs(stage, spread, Models(graph.by_id()))

    def trained(environ: dict[str, str], gpus: int | None = 8) -> tuple[int, int, int]:
        one = taken("train", spread_on(Machines(32, gpus), environ))
        return one.gpus, one.cpus, one.machines

    assert trained({}) == (8, 8, 1), "all of the largest machine, unless the profile says otherwise"
    assert trained(ONE) == (1, 1, 1), "and another machine, with one GPU, may train as well"
    assert trained({**TWO, **EIGHT}) == (4, 4, 2)
    assert trained(TWO) == (8, 8, 2)
    assert trained(EIGHT, gpus=4) == (4, 8, 1), "a machine says itself that it has too few"
    assert trained(EIGHT, gpus=0) == trained(EIGHT, gpus=None) == (0, 8, 1)
    evaluated = taken("evaluate", spread_on(Machines(32, 8), EIGHT))
    assert (evaluated.gpus, evaluated.cpus) == (1, 1)


def test_this_machine_has_a_gpu_for_each_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataenvgym_spec.execute.hardware.gpus_here", lambda _environ: 2)
    here = spread_on(None, {})
    assert (here.processes, here.gpus) == (2, 2)
    assert spread_on(None, ONE).gpus == 1
    with pytest.raises(StageError, match="8 processes cannot train on 2 GPUs"):
        spread_on(None, EIGHT)
    with pytest.raises(StageError, match="3 processes cannot be shared evenly by 2 machines"):
        spread_on(Machines(8, 8), {**TWO, "DATAENVGYM_PROCESSES": "3"})
