"""What a hardware profile says of clusters, asked of the clusters themselves; for `doctor`.

Slurm is asked by `sbatch --test-only`, which looks at a job without submitting it, and by `sinfo`.
"""

from __future__ import annotations

import getpass
import re
import shutil
import socket
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dataenvgym_spec.setup.finding import Finding
from dataenvgym_spec.setup.hardware.profile import HardwareProfile, RayCluster, SlurmCluster
from dataenvgym_spec.setup.hardware.reading import FILE
from dataenvgym_spec.setup.hardware.sbatch import (
    NOTICE,
    beyond,
    requested,
    seconds_of,
    too_short,
)

PATIENCE: Final = 15.0
"""Seconds that a command of Slurm has; its controller may be busy."""
REACHED: Final = 2.0
"""Seconds in which a head of Ray takes a connection."""
MOST_NAMED: Final = 6
_GPUS: Final = re.compile(r"\bgpu(?::[^:,(]+)?:(\d+)")
_FAULT: Final = re.compile(r"error|failure|unrecognized", re.IGNORECASE)
_BEFORE: Final = re.compile(r"^((sbatch|sinfo): |error: |allocation failure: )+")
_PLACE: Final = re.compile(r"^(?:ray://)?\[?([^/\]]+)\]?:(\d+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """Nodes of one kind in a partition, as `sinfo` tells of them.

    Attributes:
        partition: its name.
        is_default: whether jobs go there that name none.
        limit: of a job's time, as Slurm says it.
        cpus: of each node.
        memory: MiB of each node; a `+` behind either says that some have more.
        gpus: of each node.
        resources: generic ones of each node, in Slurm's words.
    """

    partition: str
    is_default: bool
    limit: str
    cpus: str
    memory: str
    gpus: int
    resources: str

    def __str__(self) -> str:
        has = [f"{self.cpus} CPUs", f"{self.memory} MiB"]
        if self.gpus:
            has.append(self.resources)
        return f"{self.partition} with {', '.join(has)}, {self.limit}"


def clusters(profile: HardwareProfile, environ: Mapping[str, str]) -> Iterator[Finding]:
    """What is not so of the clusters of a profile.

    Args:
        profile: of the user.
        environ: the environment.
    """
    if profile.slurm is not None:
        yield from _slurm(profile, profile.slurm)
    if profile.ray is not None:
        yield from _ray(profile.ray, environ)


# --- Slurm ------------------------------------------------------------------------------------


def _slurm(profile: HardwareProfile, slurm: SlurmCluster) -> Iterator[Finding]:
    yield from _impossible(profile, slurm)
    yield from _container(slurm)
    if shutil.which("sbatch") is None:
        yield from _without_gpus(slurm, [])
        detail = "slurm: there is no sbatch on the PATH"
        yield _fault(detail, "run where Slurm's commands are, such as the cluster's login node")
        return
    code, said = _said(["sinfo", "--noheader", "--format=%P|%l|%c|%m|%G"])
    if code:
        detail = f"slurm: sinfo does not answer: {_why(said)}"
        yield _fault(detail, "ask those who run the cluster, or try again later")
        return
    nodes = list(_nodes(said))
    yield from _without_gpus(slurm, nodes)
    yield from _too_long(slurm, nodes)
    yield from _accounts(slurm)
    yield from _refused("a job in which a model runs", _heavy(profile, slurm), slurm, nodes)
    if slurm.light is not None:
        light = slurm.for_light()
        wanted = requested(light, cpus=light.cpus or 1, memory=light.memory or 0)
        yield from _refused("a job without a model", wanted, light, nodes)


def _heavy(profile: HardwareProfile, slurm: SlurmCluster) -> list[str]:
    """The options of the largest job, as far as the profile says it."""
    training, split = profile.training, profile.generation.tensor_parallel or 1
    machines, gpus = training.num_machines or 1, slurm.gpus or 0
    # Where nobody says how many processes train, each GPU has one.
    if training.processes is not None:
        gpus = min(gpus, max(training.processes // machines, split))
    cpus, memory = max(slurm.cpus or 1, gpus), slurm.memory or 0
    return requested(slurm, cpus=cpus, gpus=gpus, memory=memory, machines=machines)


def _impossible(profile: HardwareProfile, slurm: SlurmCluster) -> Iterator[Finding]:
    """What a run refuses."""
    machines = profile.training.num_machines or 1
    processes = (profile.training.processes or machines) // machines
    split = profile.generation.tensor_parallel or 1
    for name, taken in beyond(slurm, processes=processes, split=split):
        detail = f"{name} takes {taken} GPUs of a node, and slurm.gpus is {slurm.gpus}"
        yield _fault(detail, f"lower {name}, or raise slurm.gpus if nodes have as many")
    for name, time in too_short(slurm):
        detail = f"{name} is {time}: a job ends {NOTICE} seconds before its limit"
        yield _fault(detail, f"raise {name} to what a stage takes, or more")


def _without_gpus(slurm: SlurmCluster, nodes: Iterable[Nodes]) -> Iterator[Finding]:
    if slurm.gpus is not None:
        return
    most = max((one.gpus for one in _of(slurm.partition, nodes)), default=0)
    detail = "slurm.gpus is not said, so no job asks for a GPU"
    help = "add slurm.gpus: the GPUs of a node, or 0 where nodes have none"
    if most:
        detail += f", and nodes have up to {most}"
        help = f"add slurm.gpus: {most}   (or 0 to train without)"
    yield _fault(detail, help)


def _too_long(slurm: SlurmCluster, nodes: Sequence[Nodes]) -> Iterator[Finding]:
    """Slurm may take a job whose time its partition does not give it; that waits for ever."""
    parts = {"slurm.time": slurm}
    if slurm.light is not None and (slurm.light.time or slurm.light.partition):
        parts["slurm.light.time"] = slurm.for_light()
    for name, part in parts.items():
        limits = {one.limit for one in _of(part.partition, nodes)}
        if part.time is None or len(limits) != 1:
            continue
        (limit,) = limits
        with suppress(ValueError):  # it says "infinite"
            if seconds_of(part.time) > seconds_of(limit):
                detail = f"{name} is {part.time}, and the partition gives {limit} at most"
                yield _fault(detail, f"lower {name}, or choose another partition")


def _accounts(slurm: SlurmCluster) -> Iterator[Finding]:
    """Accounts that are none of this user's; nothing where Slurm keeps no books."""
    wanted = {"slurm.account": slurm.account}
    if slurm.light is not None:
        wanted["slurm.light.account"] = slurm.light.account
    if not any(wanted.values()) or shutil.which("sacctmgr") is None:
        return
    show = ["show", "associations", f"user={getpass.getuser()}", "format=account"]
    code, said = _said(["sacctmgr", "--noheader", "--parsable2", *show])
    own = sorted({line.strip() for line in said.splitlines() if line.strip()})
    if code or not own:
        return
    for name, account in wanted.items():
        if account is not None and account.lower() not in own:
            help = f"yours are {_several(own)}"
            yield _fault(f"{name} '{account}' is no account of yours", help)


def _refused(
    what: str, options: Sequence[str], slurm: SlurmCluster, nodes: Sequence[Nodes]
) -> Iterator[Finding]:
    """What Slurm would not take."""
    code, said = _said(["sbatch", "--test-only", *options], given="#!/bin/sh\n")
    if not code:
        return
    there = _of(slurm.partition, nodes)
    help = f"there is {_several(list(map(str, there)), '; ')}"
    if not there:
        help = f"the partitions are {_several(list(dict.fromkeys(n.partition for n in nodes)))}"
    yield _fault(f"slurm: sbatch refuses {what}: {_why(said)}", help)


def _why(said: str) -> str:
    """The line of what a command of Slurm said that tells what is wrong."""
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["it says nothing"]
    faults = (line for line in lines if _FAULT.search(line))
    return _BEFORE.sub("", next(faults, lines[-1]))


def _nodes(said: str) -> Iterator[Nodes]:
    """What `sinfo` has said, kind by kind."""
    for row in said.splitlines():
        with suppress(ValueError):  # a site may have it greet its users
            partition, limit, cpus, memory, resources = map(str.strip, row.split("|"))
            yield Nodes(
                partition=partition.removesuffix("*"),
                is_default=partition.endswith("*"),
                limit=limit,
                cpus=cpus,
                memory=memory,
                gpus=sum(int(number) for number in _GPUS.findall(resources)),
                resources=resources,
            )


def _of(partition: str | None, nodes: Iterable[Nodes]) -> list[Nodes]:
    """The nodes of a partition, or of several with a comma between; of the default without one."""
    if partition is None:
        return [one for one in nodes if one.is_default]
    return [one for one in nodes if one.partition in partition.split(",")]


def _container(slurm: SlurmCluster) -> Iterator[Finding]:
    """The image and what starts it, as far as they can be seen from here."""
    image = slurm.container_image
    if image is None:
        return
    if image.startswith("/") and not Path(image).exists():
        detail = f"slurm.container_image: '{image}' is not there"
        yield _fault(detail, "put it where this machine and the nodes see it, or correct the path")
    if slurm.container_runtime == "apptainer":
        if shutil.which("apptainer") is None:
            detail = "slurm.container_runtime: there is no apptainer on this machine"
            yield _fault(detail, "install or load it, here to check and on the nodes to run")
    elif shutil.which("srun") is not None:
        code, said = _said(["srun", "--help"])
        if not code and "--container-image" not in said:
            detail = "slurm.container_runtime: srun has no --container-image, so there is no pyxis"
            yield _fault(detail, "have pyxis set up, or say apptainer if nodes have that")


def _said(command: Sequence[str], given: str = "") -> tuple[int, str]:
    """The exit code of a command, and what it said."""
    try:
        ran = subprocess.run(
            command,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except OSError as error:
        return 1, str(error)
    except subprocess.TimeoutExpired:
        return 1, f"error: no answer within {PATIENCE:.0f} seconds"
    return ran.returncode, ran.stdout


# --- Ray --------------------------------------------------------------------------------------


def _ray(cluster: RayCluster, environ: Mapping[str, str]) -> Iterator[Finding]:
    """A head that does not answer; nothing of a cluster that a run starts, or finds by itself."""
    named = environ.get("RAY_ADDRESS", "").strip()
    name = "RAY_ADDRESS" if named else "ray.address"
    address = named or cluster.address or ""
    place = _PLACE.match(address)
    if place is None:
        return
    try:
        socket.create_connection((place[1], int(place[2])), REACHED).close()
    except (OSError, OverflowError) as error:
        detail = f"{name}: nobody answers at {address}: {error}"
        yield _fault(detail, f"start it there (ray start --head --port={place[2]}), or correct it")


def _several(names: Sequence[str], between: str = ", ") -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{between.join(names[:MOST_NAMED])}{more}"


def _fault(detail: str, help: str) -> Finding:
    return Finding(name=FILE, ok=False, needed=False, detail=detail, help=help)
