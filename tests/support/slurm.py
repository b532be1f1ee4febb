"""Slurm's own daemons on loopback: a controller and one node, with a key and folders of their own."""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol")
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
needs_slurm = pytest.mark.skipif(
    os.geteuid() != 0 or not all(shutil.which(program, path=PATH) for program in PROGRAMS),
    reason="Slurm's daemons are not installed, or this is not root",
)
CONFIG = """\
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
SlurmctldPort={controller}
SlurmdPort={node}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
ReturnToService=2
KillWait=30
NodeName=localhost NodeAddr=127.0.0.1 NodeHostname={host} CPUs={cpus} RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES State=UP
PartitionName=other Nodes=ALL State=UP
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port


@contextmanager
def slurm(cpus: int = 2) -> Iterator[Mapping[str, str]]:
    """A cluster of one node; yields the variables of the environment that lead to it."""
    folder = Path(tempfile.mkdtemp(prefix="slurm", dir="/tmp"))
    folder.chmod(0o755)  # munged asks for it
    try:
        for name in ("state", "spool"):
            (folder / name).mkdir()
        key = folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        text = CONFIG.format(
            folder=folder,
            controller=free_port(),
            node=free_port(),
            host=platform.node().partition(".")[0],
            cpus=cpus,
        )
        (folder / "slurm.conf").write_text(text, encoding="utf-8")
        variables = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": PATH}
        environ = {**os.environ, **variables}
        files = {"key-file": "munge.key", "socket": "munge.socket", "pid-file": "munged.pid"}
        files |= {"log-file": "munged.log", "seed-file": "munged.seed"}
        munge = [f"--{option}={folder / file}" for option, file in files.items()]
        for command in (["munged", *munge], ["slurmctld", "-i"], ["slurmd", "-N", "localhost"]):
            program = shutil.which(command[0], path=PATH) or command[0]
            subprocess.run([program, *command[1:]], env=environ, check=True, capture_output=True)
        _wait_for_node(environ)
        yield variables
    finally:
        for name in ("slurmd", "slurmctld", "munged"):
            _end(folder / f"{name}.pid")
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for_node(environ: Mapping[str, str]) -> None:
    until = time.monotonic() + 60
    while True:
        said = subprocess.run(
            ["sinfo", "-h", "-o", "%T"], env=environ, capture_output=True, text=True, check=False
        )
        if said.stdout.split()[:1] == ["idle"]:
            return
        assert time.monotonic() < until, said
        time.sleep(0.3)


def _end(path: Path) -> None:
    """Ends a daemon, and waits until it is gone."""
    with suppress(OSError, ValueError):
        pid = int(path.read_text(encoding="utf-8"))
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + 20
        while time.monotonic() < until and Path(f"/proc/{pid}").exists():
            time.sleep(0.1)
