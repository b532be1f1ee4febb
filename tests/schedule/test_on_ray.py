"""An experiment on a real Ray cluster: two machines with disks, networks and processes of their own, which get killed.

They are namespaces of Linux (tests/support/machines.py): each machine has a network of its own, and a disk that holds
neither the repository nor anything of its cache. So results move through a remote of DVC, which is an S3 server here.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.support.commands import BIN, ROOT, environment
from tests.support.machines import Machine, Network, needs_machines, network
from tests.support.remotes import ACCESS_KEY, BUCKET, SECRET_KEY, s3
from tests.support.repositories import call, new_repo
from tests.support.specs import SMALL, merged, plain
from tests.support.waiting import wait_until

TOKEN = "0" * 64
STARTED = "Ray runtime started"
TRIES = 4
BATCHES = {"student": {"generate": {"batch_size": 2}}}
SHARED = yaml.safe_dump(merged(plain(SMALL), BATCHES), sort_keys=False)
PROFILE = "evaluation: {shards: 2, min_batches: 1}\n"
OBJECTS = 80 * 2**20
"""Bytes of memory that Ray takes on each machine for what tasks send."""


def free_port(address: str) -> int:
    with socket.create_server((address, 0)) as one:
        port: int = one.getsockname()[1]
        return port


def settings(**more: str) -> dict[str, str]:
    own = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN, "RAY_USAGE_STATS_ENABLED": "0"}
    own["RAY_NUM_REDIS_GET_RETRIES"] = "200"  # seconds, on a busy machine
    own |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "AWS_EC2_METADATA_DISABLED": "true"}
    return environment(shared=False, **own, **more)


def ray_start(address: str, folder: Path, cpus: int, *more: str) -> list[str]:
    command = [str(BIN / "ray"), "start", "--block", f"--node-ip-address={address}"]
    command += [f"--temp-dir={folder}/ray", f"--num-cpus={cpus}", "--disable-usage-stats"]
    return [*command, f"--object-store-memory={OBJECTS}", *more]


class Cluster:
    """A head on this machine, on which no stage runs, and machines that join and die."""

    def __init__(self, net: Network) -> None:
        self.net = net
        self.log = net.folder / "ray.log"
        self.address = f"{net.address}:6399"
        options = ["--head", "--port=6399", "--include-dashboard=false"]
        options.append(f"--ray-client-server-port={free_port(net.address)}")
        command = ray_start(net.address, net.folder, 0, *options)
        self.head = self._started(lambda: self._process(command))

    def _process(self, command: list[str]) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as out:
            return subprocess.Popen(
                command, env=settings(), stdout=out, stderr=out, start_new_session=True
            )

    def _started(self, start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        """A part of the cluster that has started; on a busy machine Ray does not wait long enough."""
        for attempt in range(TRIES):
            before = self.said().count(STARTED) if self.log.exists() else 0
            process = start()
            try:
                wait_until(lambda: self.said().count(STARTED) > before, "Ray starts", process)  # noqa: B023
            except AssertionError:
                assert attempt < TRIES - 1, self.said()[-3000:]
            else:
                return process
        raise AssertionError

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def join(self, machine: Machine) -> None:
        """A machine joins; its disk is empty."""
        folder = self.net.folder

        def start() -> subprocess.Popen[bytes]:
            machine.start(
                *ray_start(machine.address, folder, 1, f"--address={self.address}"),
                disks=[folder],
                environ=settings(DATAENVGYM_NODES=f"{folder}/disk", DATAENVGYM_WARM="0"),
                log=self.log,
            )
            assert machine.process is not None
            return machine.process

        self._started(start)

    def close(self) -> None:
        os.killpg(self.head.pid, signal.SIGTERM)
        try:
            self.head.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.head.pid, signal.SIGKILL)
            self.head.wait()


@contextmanager
def cluster() -> Iterator[tuple[Network, Cluster]]:
    with network() as net:
        found = Cluster(net)
        try:
            yield net, found
        finally:
            found.close()


class Driver:
    """`dataenvgym run tiny --on ray`, as a process of its own."""

    def __init__(self, repo: Path, log: Path, *options: str) -> None:
        self.repo, self.log = repo, log
        log.write_bytes(b"")
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [str(BIN / "dataenvgym"), "run", "tiny", "--on", "ray", "--retry", "3", *options],
                cwd=repo,
                env=settings(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                # A shell that puts the tests into the background has them ignore Ctrl-C.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
            )

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def runs(self, machine: str = "") -> list[str]:
        """The stages that run now, on a machine."""
        found = []
        for path in sorted((self.repo / ".dataenvgym" / "output").glob("*-*.txt")):
            said = path.read_text(encoding="utf-8")
            ended = "Updating lock file" in said or " answers in " in said
            if f"  on {machine}" in said and not ended:
                found.append(path.stem)
        return found

    def shards(self, machine: str) -> list[str]:
        """The shards that a machine has done."""
        found = []
        for path in sorted((self.repo / ".dataenvgym" / "output").glob("evaluate-*-of-*.txt")):
            said = path.read_text(encoding="utf-8")
            if f"  on {machine}" in said and " answers in " in said:
                found.append(path.stem)
        return found


def left(driver: Driver, repo: Path, shards: int = 0) -> int:
    """How many steps were left to a run that has ended, besides some shards.

    They are one more than the stages without a lock, for the report, and one more again where the run before was killed when it
    had written a stage's lock and not yet put its results into their place.
    """
    found = re.search(r"(\d+) steps to do, (\d+) done already", driver.said())
    assert found, driver.said()
    assert int(found[1]) + int(found[2]) == len(outs(repo)) + 1 + shards
    return int(found[1]) - shards


def outs(repo: Path) -> dict[str, list[str]]:
    """What all stages have made, less logs."""
    found = {}
    for lock in sorted((repo / "store").glob("*/dvc.lock")):
        text = lock.read_text(encoding="utf-8").partition("outs:")[2]
        found[lock.parent.name] = re.findall(r"path: (out/\S+)\s+hash: md5\s+md5: (\S+)", text)
    return found


def locked(repo: Path) -> set[Path]:
    """The stages that are done."""
    return {path.parent for path in repo.glob("store/*/dvc.lock")}


@pytest.mark.slow
@needs_machines
def test_two_machines_that_share_nothing(tmp_path: Path) -> None:
    with cluster() as (net, ray), s3(net.address) as server:
        first, second = net.machine("first"), net.machine("second")
        repo = new_repo(net.folder / "repo", SHARED)
        (repo / "hardware.yaml").write_text(PROFILE, encoding="utf-8")
        call("dataenvgym", "compile", cwd=repo)
        call("dvc", "remote", "add", "-q", "--default", "there", f"s3://{BUCKET}/dvc", cwd=repo)
        call("dvc", "remote", "modify", "there", "endpointurl", server.endpoint, cwd=repo)
        for option, value in (("access_key_id", ACCESS_KEY), ("secret_access_key", SECRET_KEY)):
            call("dvc", "remote", "modify", "--local", "there", option, value, cwd=repo)
        ray.join(first)
        ray.join(second)

        # A machine dies in mid-stage, and comes back with an empty disk.
        driver = Driver(repo, tmp_path / "first.log", "--address", ray.address)
        wait_until(lambda: driver.runs("second"), "a stage on 'second'", driver.process)
        second.kill()
        again = "ended by a fault of the machine, tried again"
        wait_until(lambda: again in driver.said(), "it is tried again", driver.process)
        ray.join(second)

        # The driver dies; what it had begun dies with it.
        done = len(outs(repo))
        wait_until(lambda: len(outs(repo)) > done and driver.runs(), "it goes on", driver.process)
        driver.process.kill()
        driver.process.wait()
        done = len(outs(repo))
        wait_until(lambda: not any(map(stages_that_run, (first, second))), "its stages end")

        # Another one goes on from what is done.
        evaluations = set(repo.glob("store/evaluate-*")) - locked(repo)
        driver = Driver(repo, tmp_path / "second.log", "--address", ray.address)
        assert driver.process.wait(1000) == 0, driver.said()
        assert left(driver, repo, 2 * len(evaluations)) <= len(outs(repo)) - done + 2
        assert all(map(driver.shards, ("first", "second"))), "evaluations are shared"
        assert "up to date" in call("dvc", "status", cwd=repo).stdout
        assert "Running stage" not in call("dvc", "repro", "tiny", cwd=repo).stdout
        made = outs(repo)

    reference = new_repo(tmp_path / "reference", SHARED)
    call("dataenvgym", "compile", cwd=reference)
    call("dvc", "repro", "tiny", cwd=reference, apart=True, OMP_NUM_THREADS="1")
    assert made == outs(reference)


@pytest.mark.slow
def test_a_cluster_of_its_own(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo", SMALL)
    driver = Driver(repo, tmp_path / "log", "--jobs", "2")
    # Ctrl-C ends it as on one machine, and what is done is kept.
    wait_until(lambda: outs(repo) and driver.runs(), "stages run", driver.process)
    os.kill(driver.process.pid, signal.SIGINT)
    assert driver.process.wait(120) == 130, driver.said()
    assert "nothing is lost" in driver.said()
    done = len(outs(repo))
    driver = Driver(repo, tmp_path / "log")
    assert driver.process.wait(1000) == 0, driver.said()
    assert left(driver, repo) <= len(outs(repo)) - done + 2
    assert "up to date" in call("dvc", "status", cwd=repo).stdout
    assert "Running stage" not in call("dvc", "repro", "tiny", cwd=repo).stdout


def stages_that_run(machine: Machine) -> list[str]:
    """The processes of stages on a machine, which has a network of its own."""
    assert machine.process is not None
    # Its first process has entered the network; those below it have more spaces of their own.
    own = Path(f"/proc/{machine.process.pid}/ns/net").readlink()
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            there = (path / "ns" / "net").readlink() == own
            words = (path / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if there and ("stage" in words or any("parcels.node" in word for word in words)):
            found.append(" ".join(words))
    return found
