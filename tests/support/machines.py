"""Machines of a cluster on this one: each with a network, processes and disks of its own, and a name.

Linux namespaces, which only root may make. A machine sees the file system of this one, but for folders that are its own
and empty at first, kept in its memory: what is not there it has to bring. Killed, all that ran on it is gone at once.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

SPACES = ("unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc")
TOOLS = ("ip", "unshare", "mount", "hostname")


def refused() -> str:
    """What root is refused that machines need, as in many containers; nothing if all is granted.

    It is tried: a network space that is made and entered, with a link into it, and the other spaces
    of a machine.
    """
    name = f"try{os.getpid()}"
    tries = (
        ["ip", "netns", "add", name],
        ["ip", "link", "add", f"v{name}", "type", "veth", "peer", "name", "eth0", "netns", name],
        ["ip", "netns", "exec", name, *SPACES, "mount", "-t", "tmpfs", "tmpfs", "/var/tmp"],
    )
    try:
        for command in tries:
            tried = subprocess.run(command, capture_output=True, text=True, check=False)
            if tried.returncode:
                return f"'{' '.join(command[:3])}' is refused: {tried.stderr.strip()}"
    finally:
        subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
    return ""


needs_machines = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or not all(map(shutil.which, TOOLS)),
    reason="machines of their own need root, and namespaces of Linux",
)


def ip(*arguments: str, check: bool = True) -> None:
    subprocess.run(["ip", *arguments], check=check, capture_output=True)


class Machine:
    """One machine.

    Attributes:
        address: in the network.
        process: what runs there as its first process.
    """

    def __init__(self, name: str, space: str, address: str) -> None:
        self.name, self.space, self.address = name, space, address
        self.process: subprocess.Popen[bytes] | None = None

    def start(
        self, *command: str, disks: Sequence[Path], environ: Mapping[str, str], log: Path
    ) -> None:
        """Starts a command there; with it the machine ends.

        Args:
            command: the program and its arguments.
            disks: folders that are empty and its own.
            environ: its environment.
            log: gets its output.
        """
        own = [Path("/dev/shm"), Path("/var/tmp"), *disks]
        lines = [f"hostname {self.name}", *(f"mount -t tmpfs tmpfs {disk}" for disk in own)]
        home = disks[0]
        lines += [f"mkdir -p {home}/home {home}/tmp", f"cd {home}", f"exec {shlex.join(command)}"]
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", self.space, *SPACES, "sh", "-ec", "\n".join(lines)],
                env={**environ, "HOME": f"{home}/home", "TMPDIR": f"{home}/tmp"},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def kill(self) -> None:
        """The machine is gone, and all that ran on it."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


class Network:
    """Machines that reach each other and this one, and nobody else.

    Attributes:
        address: of this machine.
        folder: a short path for what all of them may have.
    """

    def __init__(self, tag: str, prefix: str, folder: Path) -> None:
        self.tag, self.prefix, self.folder = tag, prefix, folder
        self.bridge, self.address = f"br{tag}", f"{prefix}.1"
        self.machines: list[Machine] = []

    def machine(self, name: str) -> Machine:
        """A machine that nothing runs on yet."""
        number = len(self.machines) + 2
        space, outside = f"ns{self.tag}-{number}", f"v{self.tag}-{number}"
        address = f"{self.prefix}.{number}"
        machine = Machine(name, space, address)
        self.machines.append(machine)
        ip("netns", "add", space)
        ip("link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", space)
        ip("link", "set", outside, "master", self.bridge, "up")
        ip("-n", space, "link", "set", "lo", "up")
        ip("-n", space, "address", "add", f"{address}/24", "dev", "eth0")
        ip("-n", space, "link", "set", "eth0", "up")
        return machine

    def close(self) -> None:
        for machine in self.machines:
            machine.kill()
            ip("netns", "delete", machine.space, check=False)
        ip("link", "delete", self.bridge, check=False)


@contextmanager
def network() -> Iterator[Network]:
    """A network of machines, which are gone in the end; where they are refused, the test is skipped."""
    if why := refused():
        pytest.skip(f"no machines of their own here: {why}")
    number = os.getpid() % 60_000
    folder = Path(tempfile.mkdtemp(prefix="dg", dir="/tmp"))
    found = Network(str(number), f"10.{100 + number // 256 % 100}.{number % 256}", folder)
    try:
        ip("link", "add", found.bridge, "type", "bridge")
        ip("address", "add", f"{found.address}/24", "dev", found.bridge)
        ip("link", "set", found.bridge, "up")
        yield found
    finally:
        found.close()
        shutil.rmtree(folder, ignore_errors=True)
