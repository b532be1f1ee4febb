"""What an adapter is: a few new weights that are trained in place of all of a model's.

An installed adapter brings a class that satisfies `Adapter` and, beside it, the JSON definition of
its options, which the class takes as keyword arguments.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, runtime_checkable


class Adapter(Protocol):
    """Adds trainable weights to a model."""

    def adapt(self, model: Any) -> Any:
        """The model with the adapter on it; its own weights are frozen.

        It is called once, by the trainer, after the trainer has seeded torch: new weights are drawn
        from torch's generator. The trainer saves what is returned by `save_pretrained`, which must
        write peft's format (`adapter_config.json` and the new weights alone): that is how
        generation knows an adapter, and loads it onto the base. `peft.get_peft_model` returns such
        a model.

        Args:
            model: a `transformers.PreTrainedModel`.
        """


@runtime_checkable
class ReadsBase(Protocol):
    """An adapter that reads the model below it by itself, such as one on quantized weights."""

    def read(self, folder: Path, dtype: Any) -> Any:
        """The model of a folder, with frozen weights.

        Args:
            folder: of a model, in the transformers format.
            dtype: of the arithmetic, as torch has it.
        """
