"""Stages done elsewhere by parcels: real stages, real DVC, in processes that do not know the clone."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.schedule.parcels.adopt import adopt, keep_answers, refuse, send
from dataenvgym_spec.schedule.parcels.node import folder_of
from dataenvgym_spec.schedule.parcels.pack import Packer, home_of
from dataenvgym_spec.schedule.parcels.parcel import Outcome, Parcel, differences, here
from dataenvgym_spec.schedule.protocol import Shard
from dataenvgym_spec.setup.hardware.leases import clone_leases
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.leases.lease import Claimant, take
from tests.support.repositories import call, environment, new_repo
from tests.support.specs import SMALL


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A compiled experiment of which nothing is done."""
    repo = new_repo(tmp_path / "repo", SMALL)
    call("dataenvgym", "compile", cwd=repo)
    return repo


def stages(repo: Path, *kinds: str) -> list[str]:
    """The directories of stages of some kinds that read nothing but each other, in order."""
    rows = json.loads((repo / "experiments" / "tiny.json").read_text(encoding="utf-8"))["stages"]
    skills = next(row for row in rows if row["kind"] == "skills")
    data = next(row for row in rows if row["key"] in skills["inputs"])
    found = {"data": data["directory"], "skills": skills["directory"]}
    return [found[kind] for kind in kinds]


def packer(repo: Path, *, shared: bool) -> Packer:
    layout = Layout(root=repo)
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    return Packer(layout, home_of(layout, shared=shared), environ=variables)


def done(parcel: Parcel, folder: Path, **variables: str) -> Outcome:
    """What comes of a parcel in a process of another machine, whose disk is a folder."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{parcel.stage}.parcel"
    path.write_bytes(parcel.pack())
    own = environment(DATAENVGYM_NODES=str(folder / "nodes"), DATAENVGYM_WARM="0", **variables)
    code = "from dataenvgym_spec.cli.main import main; main()"
    command = [sys.executable, "-c", code, "node", str(path), "--parent", str(os.getpid())]
    result = subprocess.run(
        command, cwd=folder, env=own, capture_output=True, text=True, timeout=300, check=False
    )
    outcome = Outcome.unpack(path.with_suffix(".outcome").read_bytes())
    assert result.returncode == outcome.code, result.stdout + result.stderr
    assert not path.exists(), "it may hold credentials, and whoever wrote it may be gone"
    return outcome


def clean(repo: Path, *directories: str) -> None:
    """DVC takes stages for done, and a run of it does nothing."""
    targets = [f"store/{one}/dvc.yaml:{one.partition('-')[0]}" for one in directories]
    assert "up to date" in call("dvc", "status", *targets, cwd=repo).stdout
    said = call("dvc", "repro", "--single-item", *targets, cwd=repo).stdout
    assert "Running stage" not in said and "up to date" in said


def test_a_machine_that_sees_the_clone(repo: Path, tmp_path: Path) -> None:
    layout = Layout(root=repo)
    data, skills = stages(repo, "data", "skills")
    packs = packer(repo, shared=True)
    with pytest.raises(StageError, match=r"dvc\.lock' is missing"):
        packs.pack(skills)
    call("dvc", "repro", "--single-item", f"store/{data}/dvc.yaml:data", cwd=repo)
    # An earlier attempt failed.
    refuse(layout, skills, Outcome(code=1, place="n1", failure="because\n"))
    kept = layout.scratch(skills) / "failure.txt"
    assert kept.read_text(encoding="utf-8") == "because\n"
    # Another host had begun it, and gives no sign of life.
    profile = "leases: {at: .dataenvgym/leases, seconds: 1}\n"
    (repo / "hardware.yaml").write_text(profile, encoding="utf-8")
    leases = clone_leases(layout, {})
    assert leases is not None
    dead = take(leases.register, skills, Claimant.here(leases.clone, leases.seconds))
    assert dead is not None and dead.is_held()
    outcome = done(packs.pack(skills, "tiny"), tmp_path / "node")
    assert (outcome.code, outcome.said) == (0, "")
    assert not dead.is_held()
    # It has published it: who does the stage before it is in its place takes it from the cache.
    again = done(packs.pack(skills, "tiny"), tmp_path / "node")
    assert again.lock == outcome.lock and again.since > outcome.since
    # Of what was done nothing is left where it was done.
    assert not [path for path in (repo / ".dataenvgym" / "nodes").iterdir() if path.is_dir()]

    # A result is refused that was made of something else, and one whose bytes are not there.
    lock = layout.stage(data) / "dvc.lock"
    text = lock.read_text(encoding="utf-8")
    lock.write_text(re.sub("[0-9a-f]{32}[.]dir", f"{'0' * 32}.dir", text), encoding="utf-8")
    with pytest.raises(StageError, match="changed while"):
        adopt(layout, {skills: outcome}, shared=True)
    lock.write_text(text, encoding="utf-8")
    files = repo / ".dvc" / "cache" / "files"
    files.rename(repo / "files")
    with pytest.raises(StageError, match="does not hold"):
        adopt(layout, {skills: outcome}, shared=True)
    assert not (layout.stage(skills) / "dvc.lock").exists() and kept.exists()
    (repo / "files").rename(files)

    adopt(layout, {skills: outcome}, shared=True)
    clean(repo, data, skills)
    assert (layout.stage(skills) / "out" / "skills" / "skills.json").is_file()
    assert not kept.exists(), "why it failed once"


def test_a_machine_with_a_disk_of_its_own(repo: Path, tmp_path: Path) -> None:
    layout = Layout(root=repo)
    data, skills = stages(repo, "data", "skills")
    call("dvc", "remote", "add", "--default", "there", str(tmp_path / "remote"), cwd=repo)
    packs = packer(repo, shared=False)
    # One is made here, the other elsewhere; the clone's own disk holds nothing of it before.
    call("dvc", "repro", "--single-item", f"store/{data}/dvc.yaml:data", cwd=repo)
    parcel = packs.pack(skills, "tiny")
    missing = done(parcel, tmp_path / "node")
    assert missing.fault and "could not be brought" in missing.said
    send(layout, [data])
    outcome = done(parcel, tmp_path / "node")
    adopt(layout, {skills: outcome}, shared=False)
    clean(repo, data, skills)
    # The run cache knows it, so that it is restored where its lock is lost.
    shutil.rmtree(layout.stage(skills) / "out")
    (layout.stage(skills) / "dvc.lock").unlink()
    said = call("dvc", "repro", "--single-item", f"store/{skills}/dvc.yaml:skills", cwd=repo).stdout
    assert "Running stage" not in said
    assert "is cached" in said


def test_credentials_stay_where_dvc_keeps_them(repo: Path, tmp_path: Path) -> None:
    call("dvc", "remote", "add", "--default", "there", "../remote", cwd=repo)
    call("dvc", "remote", "add", "--local", "cloud", "s3://bucket/path", cwd=repo)
    call("dvc", "remote", "modify", "--local", "cloud", "secret_access_key", "geheim-7", cwd=repo)
    (data,) = stages(repo, "data")
    parcel = packer(repo, shared=False).pack(data)
    assert b"geheim-7" in parcel.private[".dvc/config.local"]
    assert not any(b"geheim-7" in content for content in parcel.files.values())
    # A local remote is named from anywhere.
    assert str(tmp_path / "remote").encode() in parcel.files[".dvc/config"]
    # What a stage has left behind after a failure holds none.
    broken = {**parcel.files, f"store/{data}/stage.json": b"{}"}
    outcome = done(replace(parcel, files=broken), tmp_path / "node")
    assert outcome.code and not outcome.fault
    (folder,) = (path for path in (tmp_path / "node" / "nodes").glob("*/*") if path.is_dir())
    assert (folder / ".dvc" / "config").is_file()
    private = folder / ".dvc" / "config.local"
    assert not private.exists()
    # One that was killed could not remove them: the next stage there does.
    private.write_text("geheim-7", encoding="utf-8")
    (skills,) = stages(repo, "skills")
    missing = replace(parcel, stage=skills, files={})
    assert done(missing, tmp_path / "node").code
    assert folder.is_dir() and not private.exists()


def test_machines_are_told_apart(repo: Path, tmp_path: Path) -> None:
    layout = Layout(root=repo)
    home = home_of(layout, shared=True)
    assert home == home_of(layout, shared=True), "a clone keeps its name"
    assert folder_of(home, {}) == repo / ".dataenvgym" / "nodes"
    elsewhere = home_of(layout, shared=False)
    assert folder_of(elsewhere, {"DATAENVGYM_NODES": "/d"}) == Path("/d") / home.token
    with pytest.raises(UserError, match="DATAENVGYM_NODES is 'd', which is no absolute path"):
        folder_of(elsewhere, {"DATAENVGYM_NODES": "d"})
    # Another clone at the same path is not the one.
    (repo / ".dataenvgym" / "nodes" / "home.txt").write_text("other", encoding="utf-8")
    with pytest.raises(UserError, match="does not see"):
        folder_of(home, {})


def test_other_releases_are_refused(repo: Path, tmp_path: Path) -> None:
    (data,) = stages(repo, "data")
    parcel = packer(repo, shared=True).pack(data)
    assert parcel.versions == here()
    assert parcel.versions.keys() >= {"dvc", "torch", "dataenvgym-spec"}
    versions = {**parcel.versions, "torch": "1.0"}
    outcome = done(replace(parcel, versions=versions), tmp_path / "node")
    assert outcome.code and not outcome.fault
    assert "other releases than the driver: torch 1.0 and" in outcome.said
    assert differences({"vllm": "1"}, {}) == []


def test_what_goes_along(repo: Path) -> None:
    layout = Layout(root=repo)
    (data,) = stages(repo, "data")
    environ = {
        "DATAENVGYM_THREADS": "1",
        "DATAENVGYM_JOURNAL": "/j",
        "DATAENVGYM_WRITER_URL": "https://me:pw@host",
        "DATAENVGYM_LIMITS": "{}",
        "OPENAI_API_KEY": "sk-1",
        "OMP_NUM_THREADS": "2",
        "VLLM_CPU_KVCACHE_SPACE": "3",
    }
    packs = Packer(layout, home_of(layout, shared=True), environ=environ)
    parcel = packs.pack(data, "tiny")
    assert parcel.defaults == {
        "DATAENVGYM_THREADS": "1",
        "OMP_NUM_THREADS": "2",
        "VLLM_CPU_KVCACHE_SPACE": "3",
    }
    # Of the experiment's index a machine gets what is about its stage.
    index = json.loads(parcel.files["experiments/tiny.json"])
    assert [row["directory"] for row in index["stages"]] == [data]
    assert Parcel.unpack(parcel.pack()) == parcel
    with pytest.raises(StageError, match="cannot be read"):
        Outcome.unpack(b"nonsense")


def test_shards_are_parcels_of_their_own(repo: Path, tmp_path: Path) -> None:
    layout, shard = Layout(root=repo), Shard(number=2, count=3)
    (data,) = stages(repo, "data")
    kept = layout.shard(data, "2-of-3")
    keep_answers(layout, data, shard, b"")
    assert not kept.exists(), "there was nothing to do"
    for number in (1, 2):
        keep_answers(layout, data, Shard(number=number, count=3), f"answers {number}".encode())
    names = [kept.with_name(f"{number}-of-3.answers") for number in (1, 2)]
    paths = {path.relative_to(repo).as_posix(): path for path in names}

    # The stage is handed what all of them made, and a shard what it made itself before.
    apart, shared = packer(repo, shared=False), packer(repo, shared=True)
    whole = apart.pack(data)
    assert {path: whole.files[path] for path in paths} == {
        path: file.read_bytes() for path, file in paths.items()
    }
    assert shared.pack(data).links.items() >= {path: str(paths[path]) for path in paths}.items()
    parcel = apart.pack(data, "tiny", shard)
    assert [path for path in parcel.files if path in paths] == [list(paths)[1]]
    assert parcel.name == f"{data}.2-of-3" and whole.name == data
    assert Parcel.unpack(parcel.pack()) == parcel

    # What asks no student cannot be shared; the machine says why.
    outcome = done(parcel, tmp_path / "node")
    assert outcome.code and not outcome.fault and not outcome.answers
    assert "cannot be shared by several processes" in outcome.failure


def test_a_parcel_writes_nothing_elsewhere(repo: Path, tmp_path: Path) -> None:
    (data,) = stages(repo, "data")
    parcel = packer(repo, shared=False).pack(data)
    files = {**parcel.files, "../../../../out.txt": b""}
    outcome = done(replace(parcel, files=files), tmp_path / "node")
    assert outcome.code and "outside" in outcome.said
    assert not (tmp_path / "out.txt").exists()
