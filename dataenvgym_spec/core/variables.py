"""Variables of the environment that a user sets. They enter no spec and no key."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from math import inf
from pathlib import Path
from typing import Final, TypeVar

from dataenvgym_spec.core.errors import UserError

Number = TypeVar("Number", int, float)

JOURNAL: Final = "DATAENVGYM_JOURNAL"
"""The folder of the journal, where it is not the usual one of this user."""
REPLAY: Final = "DATAENVGYM_REPLAY"
"""Whether teachers are asked nothing: each answer has to be in the journal."""
HARDWARE: Final = "DATAENVGYM_HARDWARE"
"""The file with the hardware profile, where it is not the usual one."""
PROCESSES: Final = "DATAENVGYM_PROCESSES"
"""How many processes train together."""
DEVICE_BATCH: Final = "DATAENVGYM_DEVICE_BATCH"
"""The most examples that a device takes at once in training."""
THREADS: Final = "DATAENVGYM_THREADS"
"""How many threads a model on the CPU gets."""
ONE_THREAD: Final = 20_000_000
"""Parameters below which a model on the CPU gets one thread; see `students.threads`."""
DISTRIBUTION: Final = "DATAENVGYM_DISTRIBUTION"
"""How a student is spread over the processes that train it."""
RECOMPUTE: Final = "DATAENVGYM_RECOMPUTE"
"""Whether activations are computed again in training, to save memory."""
MACHINES: Final = "DATAENVGYM_MACHINES"
"""How many machines train together."""
MAIN_ADDRESS: Final = "DATAENVGYM_MAIN_ADDRESS"
"""Where the first of them is: `host` or `host:port`."""
VLLM_MEMORY: Final = "DATAENVGYM_VLLM_MEMORY"
"""The share of each GPU's memory that vLLM may take."""
VLLM_GPUS: Final = "DATAENVGYM_VLLM_GPUS"
"""The GPUs over which vLLM splits each layer."""
VLLM_CACHE: Final = "VLLM_CPU_KVCACHE_SPACE"
"""vLLM's own variable: the GiB of main memory that it keeps beside a model, without a GPU."""
VLLM_CACHE_GIB: Final = 1
"""What they are here unless the user says otherwise."""

NODES: Final = "DATAENVGYM_NODES"
"""The folder in which a machine of a cluster does stages of clones that it does not see."""

SERVED: Final = "DATAENVGYM_SERVED"
"""A process whose runs share their warm workers, such as a shell."""
ENGINES: Final = "DATAENVGYM_ENGINES"
"""Set to 0, each evaluation loads its student itself."""
ENGINE_SECONDS: Final = "DATAENVGYM_ENGINE_SECONDS"
"""After how many idle seconds what is kept between stages is given up."""


CHECKPOINTS: Final = "DATAENVGYM_CHECKPOINT_SECONDS"
"""How often a stage keeps what it has done."""
CHECKPOINT_SECONDS: Final = 60.0
"""The same unless the user says otherwise: about what a kill costs."""


def checkpoint_seconds(environ: Mapping[str, str]) -> float:
    """The seconds of work after which a stage keeps what it has done: checkpoints and answers.

    >>> checkpoint_seconds({}), checkpoint_seconds({"DATAENVGYM_CHECKPOINT_SECONDS": "5"})
    (60.0, 5.0)

    Raises:
        UserError: the variable has a value that cannot be.
    """
    every = number(environ, CHECKPOINTS, float, _is_time, "seconds such as 60")
    return CHECKPOINT_SECONDS if every is None else every


def switch(environ: Mapping[str, str], name: str) -> bool:
    """Whether a variable switches something on.

    >>> switch({"DATAENVGYM_REPLAY": "1"}, REPLAY), switch({}, REPLAY)
    (True, False)

    Raises:
        UserError: it says neither yes nor no.
    """
    text = environ.get(name, "").strip()
    if text not in ("", "0", "1"):
        raise UserError(f"{name} is '{text}'", help="set it to 1 or 0, or unset it")
    return text == "1"


def folder(environ: Mapping[str, str], name: str) -> Path | None:
    """The folder of this machine that a variable names; None where it is not set or empty.

    A stage runs in a folder of its own, from where a relative path would lead elsewhere.

    >>> folder({"JOURNAL": " /data/journal "}, "JOURNAL"), folder({}, "JOURNAL")
    (PosixPath('/data/journal'), None)

    Raises:
        UserError: the path is not absolute.
    """
    text = environ.get(name, "").strip()
    if not text:
        return None
    path = unfolded(text)
    if not path.is_absolute():
        help = f"such as: export {name}={path.absolute()}"
        raise UserError(f"{name} is '{text}', which is no absolute path", help=help)
    return path


def unfolded(text: str) -> Path:
    """A path as a user writes it, `~` being the user's home.

    >>> unfolded("models/~small"), unfolded("~nobody-of-that-name/models")
    (PosixPath('models/~small'), PosixPath('~nobody-of-that-name/models'))
    """
    # `Path.expanduser` raises where there is no such user.
    return Path(os.path.expanduser(text))  # noqa: PTH111


def number(
    environ: Mapping[str, str],
    name: str,
    kind: Callable[[str], Number],
    holds: Callable[[Number], bool],
    wanted: str,
) -> Number | None:
    """The number that a variable says; None where it is not set or empty.

    >>> number({"SHARE": "0.5"}, "SHARE", float, lambda share: 0 < share <= 1, "a share")
    0.5

    Args:
        environ: the environment.
        name: of the variable.
        kind: reads a number.
        holds: whether a number can be meant.
        wanted: what can be meant, in words.

    Raises:
        UserError: it says something else.
    """
    text = environ.get(name, "").strip()
    if not text:
        return None
    try:
        value: Number | None = kind(text)
    except ValueError:
        value = None
    if value is None or not holds(value):
        raise UserError(f"{name} is '{text}'", help=f"set it to {wanted}, or unset it")
    return value


def count(environ: Mapping[str, str], name: str, wanted: str = "a whole number") -> int | None:
    """The number of things that a variable says; see `number`.

    >>> count({"GPUS": "2"}, "GPUS")
    2
    """
    return number(environ, name, int, lambda value: value >= 1, f"{wanted} of at least 1")


def _is_time(seconds: float) -> bool:
    return 0 <= seconds < inf
