"""The processes that train: their command, their environment, and how they are started."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dataenvgym_spec.execute.hardware import Hardware
from dataenvgym_spec.execute.training.accelerate import configure
from dataenvgym_spec.execute.warm.client import EXECUTOR, delegate_launch
from dataenvgym_spec.store.locks import die_with_parent

INTERFACE: Final = "GLOO_SOCKET_IFNAME"
"""Gloo's own variable for the network that it uses."""
MODULE: Final = "dataenvgym_spec.execute.training.trainer"
LAUNCHER: Final = "dataenvgym_spec.execute.training.launcher"


def started(hardware: Hardware, work: Path, config: Path, messages: Path) -> int:
    """Calls `accelerate launch`, its standard error into a file; returns its exit code."""
    settings, environment = configure(hardware, work), environment_of(hardware, os.environ)
    parent = os.getpid()
    with messages.open("w", encoding="utf-8") as errors:
        code = delegate_launch(arguments_of(settings, config), environment, errors)
        if code is not None:
            return code
        # The only way to ask this of the kernel before the launcher runs; this process has no
        # thread that could hold a lock.
        process = subprocess.Popen(
            command(settings, config),
            env=environment,
            stderr=errors,
            preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509
        )
        return process.wait()


def command(settings: Path, config: Path) -> list[str]:
    """What starts the processes of one machine."""
    launcher = [sys.executable, "-m", LAUNCHER]
    return [*launcher, *arguments_of(settings, config)]


def arguments_of(settings: Path, config: Path) -> list[str]:
    """Of `accelerate launch`."""
    return ["--config_file", str(settings), "--module", MODULE, str(config)]


def environment_of(hardware: Hardware, environ: Mapping[str, str]) -> dict[str, str]:
    """Of the processes, which end with this one."""
    told = {EXECUTOR: str(os.getpid()), "TOKENIZERS_PARALLELISM": "false"}
    if hardware.address is not None and INTERFACE not in environ:
        # Late: a training of one machine does without the import.
        from dataenvgym_spec.execute.training.network import interface_to

        interface = interface_to(hardware.address)
        told |= {} if interface is None else {INTERFACE: interface}
    return hardware.environment(environ) | told
