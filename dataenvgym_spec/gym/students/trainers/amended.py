"""What TRL's trainers do otherwise than ours: what they load, tell others, and let pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch

from dataenvgym_spec.gym.students.trainers.loop import require_finite
from dataenvgym_spec.gym.students.trainers.protocol import Job

REFERENCE: Final = "ref"
"""What TRL calls the copy of an adapter that it compares the trained one with."""


@contextmanager
def without_vllm() -> Iterator[None]:
    """Hides vLLM from TRL, which imports it where it is installed, in seconds.

    That is for a hook of TRL's that is not used; ours is `vllm_sampler`.
    """
    from trl import import_utils

    looks, import_utils.is_vllm_available = import_utils.is_vllm_available, _no
    try:
        yield
    finally:
        import_utils.is_vllm_available = looks


def _no(*_: Any, **__: Any) -> bool:
    return False


class Amended:
    """Stands before a trainer of TRL among the bases of a class."""

    job: Job
    state: Any
    model: Any

    def _send_telemetry(self) -> None:
        """Nothing: no training is told to anybody."""

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Nothing: a checkpoint is for us alone."""

    def training_step(self, *args: Any, **more: Any) -> torch.Tensor:
        """One batch forth and back.

        Raises:
            StageError: its loss is no finite number.
        """
        loss: torch.Tensor = super().training_step(*args, **more)  # type: ignore[misc]
        require_finite(loss, self.state.global_step + 1, self.job)
        return loss

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Loads the weights of a checkpoint.

        transformers passes over the trained adapter where there is a second one beside it, and
        trains on from a fresh one. The second is a copy of where the training began, as it is made
        again.
        """
        model = self.model if model is None else model
        if REFERENCE in getattr(model, "peft_config", {}):
            model.load_adapter(resume_from_checkpoint, model.active_adapters[0], is_trainable=True)
            return
        super()._load_from_checkpoint(resume_from_checkpoint, model)  # type: ignore[misc]


def without_reference(model: Any) -> Any:
    """A trained student less the copy that it was compared with."""
    if REFERENCE in getattr(model, "peft_config", {}):
        model.delete_adapter(REFERENCE)
    return model
