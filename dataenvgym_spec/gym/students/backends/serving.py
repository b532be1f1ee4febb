"""How vLLM uses this machine. It enters no spec and no key, and changes no answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.variables import VLLM_GPUS as GPUS
from dataenvgym_spec.core.variables import VLLM_MEMORY as MEMORY
from dataenvgym_spec.core.variables import count, number

LENGTH: Final = "DATAENVGYM_VLLM_LENGTH"
IN_TRAINING: Final = 0.3
"""The share of a GPU's memory that vLLM takes beside a student that is trained on it."""
FITTED: Final = -1
"""vLLM then takes the longest text that the memory has room for (vllm/config/model.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How vLLM uses this machine.

    Attributes:
        memory: `DATAENVGYM_VLLM_MEMORY`, the share of each GPU's memory that it may take; None for
            vLLM's own choice.
        length: `DATAENVGYM_VLLM_LENGTH`, the tokens of the longest prompt with its answer; or as
            many as the memory has room for.
        gpus: `DATAENVGYM_VLLM_GPUS`, over which each layer is split.
    """

    memory: float | None
    length: int
    gpus: int

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Serving:
        """From the environment.

        Raises:
            UserError: a variable has a value that cannot be.
        """
        memory = number(environ, MEMORY, float, _is_share, "a share such as 0.8")
        length = count(environ, LENGTH, "a number of tokens")
        gpus = count(environ, GPUS, "a number of GPUs")
        return cls(memory=memory, length=length or FITTED, gpus=gpus or 1)

    @classmethod
    def in_training(cls, environ: Mapping[str, str]) -> Serving:
        """From the environment, for the engine of each process that trains a student.

        It leaves room for the training, and is not split: each process has its own GPU.

        Raises:
            UserError: a variable has a value that cannot be.
        """
        asked = cls.of(environ)
        memory = IN_TRAINING if asked.memory is None else asked.memory
        return replace(asked, memory=memory, gpus=1)

    def options(self) -> dict[str, Any]:
        """The arguments of vLLM's `LLM` that say so."""
        options: dict[str, Any] = {
            "max_model_len": self.length,
            "tensor_parallel_size": self.gpus,
        }
        if self.memory is not None:
            options["gpu_memory_utilization"] = self.memory
        return options


def fits(needed: int, length: int) -> None:
    """Checks that the longest prompt has room for its answer: an answer cut short would be another.

    Args:
        needed: tokens of the longest prompt with the longest answer allowed.
        length: of the longest text that vLLM was started for.

    Raises:
        StageError: it has not.
    """
    if needed > length:
        raise StageError(
            f"a prompt with its answer needs {needed} tokens, and vLLM has room for {length}",
            help=f"raise {LENGTH} or {MEMORY} (without a GPU: VLLM_CPU_KVCACHE_SPACE, in GiB)",
        )


def _is_share(value: float) -> bool:
    return 0 < value <= 1
