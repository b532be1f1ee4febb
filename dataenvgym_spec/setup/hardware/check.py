"""What a hardware profile says, held against the machine; for `dataenvgym doctor`."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path

from dataenvgym_spec.core.errors import Diagnostic, SpecError, UserError
from dataenvgym_spec.setup.finding import Finding
from dataenvgym_spec.setup.hardware.clusters import clusters
from dataenvgym_spec.setup.hardware.profile import HardwareProfile, Room, room_here
from dataenvgym_spec.setup.hardware.reading import FILE, profile_path, read_profile


def hardware(root: Path, environ: Mapping[str, str]) -> list[Finding]:
    """What is found of the profile of a repository: what it says, and what is not so here."""
    try:
        path = profile_path(root, environ)
        profile = read_profile(root, environ)
    except SpecError as error:
        return [_wrong(error.diagnostics)]
    except UserError as error:
        return [Finding(name=FILE, ok=False, detail=error.message, help=error.help or "")]
    here = room_here(HardwareProfile(), environ)
    file = "none: all of this machine is used" if path is None else str(path)
    told = Finding(name="hardware", ok=True, detail=f"{_room(here)}; {file}")
    return [told, *_beyond(profile, here), *_absent(profile), *clusters(profile, environ)]


def _wrong(diagnostics: tuple[Diagnostic, ...]) -> Finding:
    """A file that is no profile stops every stage."""
    first = diagnostics[0]
    detail = f"{first.span}: {first.message}" if first.span else first.message
    if len(diagnostics) > 1:
        detail += f" (and {len(diagnostics) - 1} more)"
    return Finding(name=FILE, ok=False, detail=detail, help=first.help)


def _room(room: Room) -> str:
    memory = "" if room.memory is None else f", {room.memory / 2**30:,.1f} GiB of memory"
    return f"{room.cpus} CPUs, {room.gpus} GPUs{memory}"


def _beyond(profile: HardwareProfile, here: Room) -> Iterator[Finding]:
    """What is more than this machine has."""
    machine, training = profile.machine, profile.training
    gpus = here.gpus or 0
    for name, asked, there in (
        ("machine.cpus", machine.cpus, here.cpus),
        ("machine.gpus", machine.gpus, here.gpus),
    ):
        if asked is not None and there is not None and asked > there:
            yield _less(name, str(asked), f"{there} here")
    if machine.memory is not None and here.memory is not None and machine.memory > here.memory:
        asked_gib, there_gib = machine.memory / 2**30, here.memory / 2**30
        yield _less("machine.memory", f"{asked_gib:,.1f} GiB", f"{there_gib:,.1f} GiB here")
    if profile.ray is not None or profile.slurm is not None:
        return  # models run on other machines
    split = profile.generation.tensor_parallel or 1
    if split > max(1, gpus):
        yield _less("generation.tensor_parallel", str(split), f"{max(1, gpus)} here")
    processes = -(-(training.processes or 1) // (training.num_machines or 1))
    most, word = (gpus, "GPUs") if gpus else (here.cpus or 1, "CPUs")
    for name, count in (
        ("training.processes", processes),
        ("evaluation.shards", profile.evaluation.shards or 1),
        ("generation.shards", profile.generation.shards or 1),
    ):
        if count > most:
            yield _less(name, str(count), f"{most} {word} here")


def _less(name: str, asked: str, there: str) -> Finding:
    detail = f"{name} is {asked}, and there are {there}"
    if name == "machine.memory":
        detail = f"{name} is {asked}, and there is {there}"
    help = f"lower {name} in the profile, or run on a machine that has as much"
    return Finding(name=FILE, ok=False, needed=False, detail=detail, help=help)


def _absent(profile: HardwareProfile) -> Iterator[Finding]:
    """Programs and packages that the profile needs, and that are not here."""
    training = profile.training
    by_hand = profile.ray is None and profile.slurm is None
    if by_hand and (training.num_machines or 1) > 1 and training.main_process_ip is None:
        detail = "training.num_machines: where the first machine is met is not said"
        help = "add training.main_process_ip, as the others reach it (run --on chooses it itself)"
        yield Finding(name=FILE, ok=False, needed=False, detail=detail, help=help)
    distribution = training.distribution or ""
    if distribution.startswith("deepspeed") and importlib.util.find_spec("deepspeed") is None:
        detail = f"training.distribution {distribution}: deepspeed is not installed"
        what = "pip install 'dataenvgym-spec[deepspeed]'"
        help = f"{what}   (or set it to fsdp2, which comes with torch)"
        yield Finding(name=FILE, ok=False, needed=False, detail=detail, help=help)
    if profile.ray is not None and importlib.util.find_spec("ray") is None:
        detail = "ray: the package is not installed"
        yield Finding(name=FILE, ok=False, needed=False, detail=detail, help="pip install ray")
