"""Slurm's own daemons on loopback: a controller and some nodes, with a key and folders of their own."""

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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from dataenvgym_spec.schedule.parcels import node
from dataenvgym_spec.schedule.slurm.standings import standings
from tests.support.commands import BIN, ROOT, environment
from tests.support.processes import family, running, with_variable

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "srun")
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
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=100
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
ReturnToService=2
KillWait=30
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
SlurmdParameters=config_overrides
"""
"""A job that may start does so within seconds, where a cluster with many users looks each half a minute."""
MEMORY = 64_000
"""Megabytes of a node, whatever this machine has: it is counted, and what jobs really take is little."""
CONTROLLER = ("slurmctld", "-i")
NODE = "NodeName={name} NodeAddr=127.0.0.1 NodeHostname={host} Port={port} CPUs={cpus} RealMemory={memory}{gres} State=UNKNOWN"
GPU = "fake"
"""The type of GPUs, as Slurm calls them. They are files: it counts them and gives them to jobs."""
PARTITIONS = """\
PartitionName=main Nodes=ALL Default=YES State=UP
PartitionName=other Nodes=ALL State=UP
PartitionName=short Nodes=ALL MaxTime=30 State=UP
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port


@contextmanager
def slurm(
    cpus: int = 2, nodes: int = 1, patience: int = 300, gpus: int = 0, more: str = ""
) -> Iterator[Mapping[str, str]]:
    """A cluster; yields the variables of the environment that lead to it.

    Args:
        cpus: of each node.
        nodes: how many; each is a daemon of its own on this machine.
        patience: seconds without an answer after which a node is taken for dead.
        gpus: of each node, of the type `GPU`.
        more: lines of its configuration.
    """
    names = [f"node{number}" for number in range(1, nodes + 1)]
    folder = Path(tempfile.mkdtemp(prefix="slurm", dir="/tmp"))
    folder.chmod(0o755)  # munged asks for it
    variables = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": PATH}
    try:
        (folder / "state").mkdir()
        key = folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        host = platform.node().partition(".")[0]
        text = CONFIG.format(folder=folder, controller=free_port())
        gres = _with_gpus(folder, gpus) if gpus else ""
        text += "GresTypes=gpu\n" if gpus else ""
        for name in names:
            own = {"name": name, "host": host, "port": free_port(), "cpus": cpus}
            text += NODE.format(**own, memory=MEMORY, gres=gres) + "\n"
        text += f"SlurmdTimeout={patience}\n{PARTITIONS}{more}"
        (folder / "slurm.conf").write_text(text, encoding="utf-8")
        environ = {**os.environ, **variables}
        files = {"key-file": "munge.key", "socket": "munge.socket", "pid-file": "munged.pid"}
        files |= {"log-file": "munged.log", "seed-file": "munged.seed"}
        munge = [f"--{option}={folder / file}" for option, file in files.items()]
        daemons = [["slurmd", "-N", name] for name in names]
        for command in (["munged", *munge], CONTROLLER, *daemons):
            _start(command, environ)
        _wait_for_nodes(environ)
        yield variables
    finally:
        for name in names:
            _end(folder / f"slurmd-{name}.pid")
        _end_steps(variables)
        for name in ("slurmctld", "munged"):
            _end(folder / f"{name}.pid")
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def without_controller(variables: Mapping[str, str]) -> Iterator[None]:
    """A cluster whose controller is away; jobs go on meanwhile."""
    _end(Path(variables["SLURM_CONF"]).with_name("slurmctld.pid"))
    try:
        yield
    finally:
        _start(CONTROLLER, {**os.environ, **variables})


def _start(command: Sequence[str], environ: Mapping[str, str]) -> None:
    """Starts a daemon."""
    program = shutil.which(command[0], path=PATH) or command[0]
    subprocess.run([program, *command[1:]], env=environ, check=True, capture_output=True)


def _with_gpus(folder: Path, count: int) -> str:
    """What is said of a node that has some."""
    for number in range(count):
        (folder / f"gpu{number}").touch()
    said = f"Name=gpu Type={GPU} File={folder}/gpu[0-{count - 1}]\n"
    (folder / "gres.conf").write_text(said, encoding="utf-8")
    return f" Gres=gpu:{GPU}:{count}"


def _wait_for_nodes(environ: Mapping[str, str]) -> None:
    until = time.monotonic() + 60
    while True:
        said = subprocess.run(
            ["sinfo", "-h", "-N", "-o", "%T"],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        if {*said.stdout.split()} == {"idle"}:
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


def steps(variables: Mapping[str, str]) -> list[int]:
    """The processes that do the jobs of a cluster: Slurm's own, one a step, which is no child of a daemon."""
    ours = with_variable("SLURM_CONF", variables["SLURM_CONF"])
    return [one for one in running(_is_step) if one in ours]


def _is_step(words: list[str]) -> bool:
    return words[0].startswith("slurmstepd:") or words[0].endswith("/slurmstepd")


def _end_steps(variables: Mapping[str, str]) -> None:
    """Ends what is left of a cluster's jobs: without a controller a step would tell it of its end for ever."""
    left = [process for step in steps(variables) for process in family(step)]
    for process in left:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def driven(
    repo: Path, variables: Mapping[str, str], log: Path, *options: str
) -> subprocess.Popen[bytes]:
    """`dataenvgym run tiny --on slurm`, as a process of its own."""
    own = environment(shared=False, PYTHONPATH=str(ROOT), OMP_NUM_THREADS="1", **variables)
    own |= {"PATH": f"{BIN}:{variables['PATH']}", "DATAENVGYM_CHECKPOINT_SECONDS": "0"}
    with log.open("ab") as out:
        return subprocess.Popen(
            [str(BIN / "dataenvgym"), "run", "tiny", "--on", "slurm", *options],
            cwd=repo,
            env=own,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            # A shell that puts the tests into the background has them ignore Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        )


def states(numbers: Iterable[str]) -> dict[str, str]:
    """What Slurm says of jobs and tasks, in a word each."""
    return {number: one.state for number, one in standings(numbers).items()}


def stage_process(directory: str) -> int | None:
    """The process of a node that does a stage."""
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (path / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if node.__name__ in words and any(f"/{directory}/" in word for word in words):
                return int(path.name)
    return None
