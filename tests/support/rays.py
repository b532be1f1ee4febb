"""Ray clusters whose machines are namespaces of this one, and the processes that drive a run on them."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.commands import BIN, ROOT, environment
from tests.support.machines import Machine, Network, network
from tests.support.remotes import ACCESS_KEY, BUCKET, S3, SECRET_KEY
from tests.support.repositories import call
from tests.support.waiting import wait_until

TOKEN = "0" * 64
STARTED = "Ray runtime started"
TRIES = 4
OURS = ("parcels.node", "execute.training")
"""Modules whose processes belong to stages."""
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
        # Ray listens at every address of this machine, where another cluster may have its usual one.
        port = free_port(net.address)
        self.address = f"{net.address}:{port}"
        options = ["--head", f"--port={port}", "--include-dashboard=false"]
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
    """`dataenvgym run --on ray`, as a process of its own."""

    def __init__(
        self,
        repo: Path,
        log: Path,
        *options: str,
        names: Sequence[str] = ("tiny",),
        retry: int = 3,
        **more: str,
    ) -> None:
        self.repo, self.log = repo, log
        log.write_bytes(b"")
        command = [str(BIN / "dataenvgym"), "run", *names]
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [*command, "--on", "ray", "--retry", str(retry), *options],
                cwd=repo,
                env=settings(**more),
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

    def shards(self, kind: str, machine: str) -> set[str]:
        """The stages of a kind of which a machine has done a shard."""
        found = set()
        for path in (self.repo / ".dataenvgym" / "output").glob(f"{kind}-*-of-*.txt"):
            said = path.read_text(encoding="utf-8")
            if f"  on {machine}" in said and " answers in " in said:
                found.add(path.name.partition(".")[0])
        return found


def with_remote(repo: Path, server: S3) -> None:
    """Gives a repository a remote of DVC on a server."""
    call("dvc", "remote", "add", "-q", "--default", "there", f"s3://{BUCKET}/dvc", cwd=repo)
    call("dvc", "remote", "modify", "there", "endpointurl", server.endpoint, cwd=repo)
    for option, value in (("access_key_id", ACCESS_KEY), ("secret_access_key", SECRET_KEY)):
        call("dvc", "remote", "modify", "--local", "there", option, value, cwd=repo)


def outs(repo: Path) -> dict[str, list[str]]:
    """What all stages have made, less logs."""
    found = {}
    for lock in sorted((repo / "store").glob("*/dvc.lock")):
        text = lock.read_text(encoding="utf-8").partition("outs:")[2]
        found[lock.parent.name] = re.findall(r"path: (out/\S+)\s+hash: md5\s+md5: (\S+)", text)
    return found


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
        ours = any(name in word for name in OURS for word in words)
        if there and ("stage" in words or ours):
            found.append(" ".join(words))
    return found
