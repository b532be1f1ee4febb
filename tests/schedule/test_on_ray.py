"""An experiment on a real Ray cluster: two machines with disks, networks and processes of their own, which get killed.

They are namespaces of Linux (tests/support/machines.py): each machine has a network of its own, and a disk that holds
neither the repository nor anything of its cache. So results move through a remote of DVC, which is an S3 server here.
"""

from __future__ import annotations

import os
import platform
import re
import signal
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import pytest
import yaml

from dataenvgym_spec.cli.engines import WAITS
from tests.support.machines import needs_machines
from tests.support.rays import Driver, cluster, outs, stages_that_run, with_remote
from tests.support.remotes import s3
from tests.support.repositories import call, new_repo
from tests.support.specs import SMALL, TAUGHT, merged, plain
from tests.support.waiting import wait_until

ONE_BY_ONE = {
    "student": {"generate": {"batch_size": 2}},
    # What the teacher is asked beside does not depend on who shares the questions.
    "teachers": {"itself": {"concurrency": 1}},
    "agent": {"engine": {"samples": 1}},
    "loop": {"teach": {"examples": 80}},
}
SHARED = yaml.safe_dump(merged(TAUGHT, ONE_BY_ONE), sort_keys=False)
PROFILE = """\
evaluation: {shards: 2, min_batches: 1}
generation: {shards: 2, min_batches: 1}
"""


def left(driver: Driver, repo: Path, shards: int = 0) -> int:
    """How many steps were left to a run that has ended, besides some shards.

    They are one more than the stages without a lock, for the report, and one more again where the run before was killed when it
    had written a stage's lock and not yet put its results into their place.
    """
    found = re.search(r"(\d+) steps to do, (\d+) done already", driver.said())
    assert found, driver.said()
    assert int(found[1]) + int(found[2]) == len(outs(repo)) + 1 + shards
    return int(found[1]) - shards


def locked(repo: Path) -> set[Path]:
    """The stages that are done."""
    return {path.parent for path in repo.glob("store/*/dvc.lock")}


def printed(repo: Path) -> dict[str, bytes]:
    """What stages with a lock have printed; one that is begun once more begins its file anew."""
    folder = repo / ".dataenvgym" / "output"
    paths = {path.name: folder / f"{path.name}.txt" for path in locked(repo)}
    return {name: path.read_bytes() for name, path in paths.items() if path.exists()}


def run_again(before: dict[str, bytes], repo: Path) -> list[str]:
    """The stages that were done, and that something was executed for since."""
    found = []
    for name, text in printed(repo).items():
        # What a machine made just before its driver died is brought to its place by the next one.
        executed = b"  on " in text or b"Running stage" in text
        if name in before and text != before[name] and executed:
            found.append(name)
    return found


def executions(driver: Driver) -> Counter[str]:
    """How often the machines have begun each step, less those attempts that a machine has lost."""
    said = driver.said()
    begun = Counter(re.findall(r"^(.+): started on (?:first|second)$", said, re.MULTILINE))
    lost = "ended by a fault of the machine, tried again"
    return begun - Counter(re.findall(f"^(.+): {lost}$", said, re.MULTILINE))


@pytest.mark.slow
@needs_machines
def test_two_machines_that_share_nothing(tmp_path: Path) -> None:
    with cluster() as (net, ray), s3(net.address) as server:
        first, second = net.machine("first"), net.machine("second")
        repo = new_repo(net.folder / "repo", SHARED)
        (repo / "hardware.yaml").write_text(PROFILE, encoding="utf-8")
        call("dataenvgym", "compile", cwd=repo)
        with_remote(repo, server)
        ray.join(first)
        ray.join(second)

        # A machine dies in mid-stage, and comes back with an empty disk.
        driver = Driver(repo, tmp_path / "first.log", "--address", ray.address)
        wait_until(lambda: driver.runs("second"), "a stage on 'second'", driver.process)
        before = printed(repo)
        second.kill()
        again = "ended by a fault of the machine, tried again"
        wait_until(lambda: again in driver.said(), "it is tried again", driver.process)
        ray.join(second)

        # The driver dies; what it had begun dies with it.
        done = len(outs(repo))
        wait_until(lambda: len(outs(repo)) > done and driver.runs(), "it goes on", driver.process)
        driver.process.kill()
        driver.process.wait()
        # The machine that died has lost its stage, and nothing else.
        assert set(executions(driver).values()) <= {0, 1}
        assert run_again(before, repo) == []
        done, before = len(outs(repo)), printed(repo)
        wait_until(lambda: not any(map(stages_that_run, (first, second))), "its stages end")

        # Another one goes on from what is done.
        divided = {*repo.glob("store/evaluate-*"), *repo.glob("store/generate-*")}
        shards = 2 * len(divided - locked(repo))
        driver = Driver(repo, tmp_path / "second.log", "--address", ray.address)
        assert driver.process.wait(1000) == 0, driver.said()
        assert left(driver, repo, shards) <= len(outs(repo)) - done + 2
        assert run_again(before, repo) == [] and before
        assert set(executions(driver).values()) == {1}
        for kind in ("evaluate", "generate"):
            on_first, on_second = (driver.shards(kind, name) for name in ("first", "second"))
            assert on_first & on_second, f"a stage that is a shard on each: {kind}"
        assert all(f": started on {name}\n" in driver.said() for name in ("first", "second"))
        assert "up to date" in call("dvc", "status", cwd=repo).stdout
        assert "Running stage" not in call("dvc", "repro", "tiny", cwd=repo).stdout
        made = outs(repo)

    reference = new_repo(tmp_path / "reference", SHARED)
    call("dataenvgym", "compile", cwd=reference)
    call("dvc", "repro", "tiny", cwd=reference, apart=True, OMP_NUM_THREADS="1")
    assert made == outs(reference)


@pytest.mark.slow
@needs_machines
def test_stages_wait_for_machines_that_are_still_to_come(tmp_path: Path) -> None:
    """None of them runs on the head, which has no processor for stages."""
    with cluster() as (net, ray), s3(net.address) as server:
        first, second = net.machine("first"), net.machine("second")
        repo = new_repo(net.folder / "repo", SMALL)
        call("dataenvgym", "compile", cwd=repo)
        with_remote(repo, server)
        driver = Driver(repo, tmp_path / "log", "--address", ray.address)
        wait_until(lambda: WAITS in driver.said(), "it says that it waits", driver.process)
        assert "to do" not in driver.said()
        ray.join(first)
        wait_until(lambda: driver.runs("first"), "a stage on 'first'", driver.process)
        assert driver.said().count(WAITS) == 1

        # The only one dies. What comes next is kept for one that joins later.
        first.kill()
        state = repo / ".dataenvgym" / "run.json"
        none = "the cluster has none"
        wait_until(lambda: none in state.read_text(encoding="utf-8"), "one waits", driver.process)
        ray.join(second)
        wait_until(lambda: driver.runs("second"), "a stage on 'second'", driver.process)
        os.kill(driver.process.pid, signal.SIGINT)
        assert driver.process.wait(120) == 130, driver.said()
        ran = said(repo, "  on ")
        assert ran and all(re.search(r"  on (first|second)\n", text) for text in ran)


def said(repo: Path, words: str) -> list[str]:
    """What stages have printed, of those that have printed some words."""
    paths = (repo / ".dataenvgym" / "output").glob("*.txt")
    texts = [path.read_text(encoding="utf-8") for path in paths]
    return [text for text in texts if words in text]


@pytest.mark.slow
def test_a_cluster_of_its_own(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo", SMALL)
    driver = Driver(repo, tmp_path / "log", "--jobs", "2")
    # Ctrl-C ends it as on one machine, and what is done is kept.
    wait_until(lambda: outs(repo) and driver.runs(), "stages run", driver.process)
    os.kill(driver.process.pid, signal.SIGINT)
    assert driver.process.wait(120) == 130, driver.said()
    assert "nothing is lost" in driver.said()
    # Twice ends it at once, and no stage is left behind.
    done = len(outs(repo))
    driver = Driver(repo, tmp_path / "log", "--jobs", "2")
    wait_until(lambda: len(outs(repo)) > done and driver.runs(), "it goes on", driver.process)
    os.kill(driver.process.pid, signal.SIGINT)
    wait_until(lambda: "ending " in driver.said(), "it is ending", driver.process)
    os.kill(driver.process.pid, signal.SIGINT)
    assert driver.process.wait(120) == 130, driver.said()
    assert "Traceback" not in driver.said()
    wait_until(lambda: not called(f"{repo}/"), "its stages end")
    # The next one goes on from what is done.
    done = len(outs(repo))
    driver = Driver(repo, tmp_path / "log")
    assert driver.process.wait(1000) == 0, driver.said()
    assert left(driver, repo) <= len(outs(repo)) - done + 2
    assert f": started on {platform.node()}\n" in driver.said()
    assert "report: started on this machine\n" in driver.said()
    assert "up to date" in call("dvc", "status", cwd=repo).stdout
    assert "Running stage" not in call("dvc", "repro", "tiny", cwd=repo).stdout


@pytest.mark.slow
def test_an_engine_is_kept_as_long_as_the_run(tmp_path: Path) -> None:
    """Tasks are in processes of Ray's that come and go, and each stage has a repository of its own."""
    adapters = {"student": {"train": {"adapter": {"kind": "lora", "r": 2, "alpha": 4}}}}
    loop = {"loop": {"iterations": 2}}
    text = yaml.safe_dump(merged(merged(plain(SMALL), adapters), loop), sort_keys=False)
    repo = new_repo(tmp_path / "repo", text)
    # The path of a socket has at most 107 signs.
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        driver = Driver(repo, tmp_path / "log", TMPDIR=short)
        assert driver.process.wait(1000) == 0, driver.said()
        wait_until(lambda: not called(f"{short}/dataenvgym-"), "what was kept ends")
    (log,) = (repo / ".dataenvgym" / "nodes").glob("engines-*.log")
    assert log.read_text(encoding="utf-8").count("loaded ") == 1
    evaluated = [path for path in locked(repo) if path.name.startswith("evaluate-")]
    assert len(evaluated) >= 4, "the base, the student after each iteration, and a test"


def called(word: str) -> bool:
    """Whether a process runs whose command has a word."""
    return subprocess.run(["pgrep", "-f", word], capture_output=True, check=False).returncode == 0
