"""Where a run's stages go, and what is said where that cannot be."""

import sys
from pathlib import Path

import pytest

from dataenvgym_spec.cli.engines import engine
from dataenvgym_spec.core.errors import MissingExtra, UserError
from dataenvgym_spec.schedule.ray.cluster import Cluster, address_of
from dataenvgym_spec.setup.hardware.profile import HardwareProfile, RayCluster
from dataenvgym_spec.store.layout import Layout
from tests.support.repositories import call, expect_refusal, new_repo
from tests.support.specs import SMALL


def test_an_engine_that_is_not_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wanted(on: str, address: str | None = None) -> object:
        layout = Layout(root=tmp_path)
        return engine(on, address, layout, profile=HardwareProfile(), cpus=None, variables={})  # type: ignore[arg-type]

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


def test_an_address_is_for_ray(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo", SMALL)
    said = call("dataenvgym", "run", "tiny", "--address", "127.0.0.1:1", cwd=repo, ok=False)
    expect_refusal(said, "--address is that of a Ray cluster", "add: --on ray")
