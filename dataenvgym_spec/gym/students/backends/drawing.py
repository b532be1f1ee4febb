"""Draws tokens with a generator for each row, so that no row depends on what it is batched with."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import LogitsProcessor, TemperatureLogitsWarper, TopPLogitsWarper


class Draw(LogitsProcessor):  # type: ignore[misc]  # transformers is skipped by the type checker
    """Adds noise to the scores, so that the largest is a draw from their softmax.

    With Gumbel noise g, argmax(score + g) is token i with the probability of i under the softmax
    (Gumbel 1954; Maddison, Tarlow and Minka 2014, arXiv 1411.0030, section 2). What draws is then
    the greedy search of transformers, whose own draws share one generator for all rows.
    """

    def __init__(
        self, seeds: Sequence[int], *, temperature: float, top_p: float, device: str
    ) -> None:
        self.warpers = [TemperatureLogitsWarper(temperature)]
        if top_p < 1:
            self.warpers.append(TopPLogitsWarper(top_p))
        self.generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """The noisy scores, of shape (rows, vocabulary)."""
        scores = scores.float()
        for warper in self.warpers:
            scores = warper(input_ids, scores)
        waits = torch.empty_like(scores)
        for row, generator in zip(waits, self.generators, strict=True):
            row.exponential_(generator=generator)
        # A wait of zero would win whatever its score, also one of minus infinity.
        smallest = torch.finfo(waits.dtype).tiny
        return scores - waits.clamp_min_(smallest).log_()
