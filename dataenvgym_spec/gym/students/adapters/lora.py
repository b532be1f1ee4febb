"""LoRA: low-rank matrices on linear layers, by peft."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from peft import LoraConfig, get_peft_model

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.students.adapters.stored import saved_alike


class Lora:
    """Adds low-rank matrices to linear layers; unless named, to all but the output layer."""

    def __init__(
        self,
        *,
        r: int,
        alpha: int,
        dropout: float,
        targets: Sequence[str] | None = None,
        rslora: bool = False,
        **more: Any,
    ) -> None:
        self.targets = targets
        self.config = LoraConfig(
            r=r,
            lora_alpha=alpha,
            lora_dropout=dropout,
            target_modules="all-linear" if targets is None else list(targets),
            use_rslora=rslora,
            task_type="CAUSAL_LM",
            **more,
        )

    def adapt(self, model: Any) -> Any:
        """The model with a fresh adapter on it.

        Raises:
            StageError: it has no module of a name that is targeted.
        """
        check_targets(model, self.targets or ())
        return saved_alike(get_peft_model(model, self.config))


def check_targets(model: Any, targets: Sequence[str]) -> None:
    """Looks for the modules that an adapter changes: peft is content if some are there.

    Raises:
        StageError: a name is that of no module.
    """
    names = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    missing = [name for name in targets if name not in names]
    if missing:
        linear = {path.rpartition(".")[2] for path, part in model.named_modules() if _wide(part)}
        message = f"the student has no module '{missing[0]}' for an adapter"
        help = f"'targets' of the adapter can name: {', '.join(sorted(linear))}"
        raise StageError(message, help=help)


def _wide(module: Any) -> bool:
    """Whether a module multiplies by a matrix of its own."""
    weight = getattr(module, "weight", None)
    return weight is not None and weight.dim() == 2
