"""Scores of the vocabulary where something is learned, and nowhere else.

Prompts and padding carry no loss, and over a vocabulary of a quarter of a million tokens the output
layer is most of a small student's work and memory.
"""

from __future__ import annotations

from typing import Any

import torch

from dataenvgym_spec.gym.students.trainers.responses import IGNORED


class Learned:
    """Has a model's output layer see only the positions before tokens that carry loss.

    What a model does to the scores afterwards, such as bounding them, it does to each by itself. A
    model that never calls its output layer, or in another shape, gives the scores of all positions.
    """

    def __init__(self, model: Any) -> None:
        self.mask: torch.Tensor | None = None
        layer = model.get_output_embeddings()
        if layer is not None:
            layer.register_forward_pre_hook(self._pick)

    def look(self, labels: torch.Tensor) -> None:
        """Takes the labels of the batch that comes next, of shape (examples, tokens)."""
        self.mask = _next(labels) != IGNORED

    def loss(self, outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor) -> Any:
        """The cross-entropy of a batch's answers, as its part of the mean over a step's tokens.

        Every token of a step weighs the same, whichever batch or process has it. Models that bring
        a loss of their own take the mean of each batch.

        Args:
            outputs: of the model, with `logits`.
            labels: of shape (examples, tokens).
            num_items_in_batch: the tokens of the whole step that carry loss, over all processes.
        """
        wanted = _next(labels)
        mask = wanted != IGNORED
        logits = outputs["logits"]
        if logits.shape[:-1] == mask.shape:
            logits = logits[mask]
        scores = logits.reshape(-1, logits.shape[-1]).float()
        total = torch.nn.functional.cross_entropy(scores, wanted[mask], reduction="sum")
        return total / num_items_in_batch

    def _pick(self, _: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
        states = inputs[0]
        if self.mask is None or states.shape[:-1] != self.mask.shape:
            return None
        return (states[self.mask].unsqueeze(0), *inputs[1:])


def _next(labels: torch.Tensor) -> torch.Tensor:
    """The label of the token that each position predicts; the last predicts none."""
    return torch.nn.functional.pad(labels[..., 1:], (0, 1), value=IGNORED)
