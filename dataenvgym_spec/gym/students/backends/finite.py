"""Refuses scores that are no numbers: what would be taken for the likeliest token means nothing.

Broken weights give them, and a precision whose numbers end too early for a model.
"""

from __future__ import annotations

import torch
from transformers import LogitsProcessor

from dataenvgym_spec.core.errors import StageError


class Finite(LogitsProcessor):  # type: ignore[misc]  # transformers is skipped by the type checker
    """Looks at the scores of each step and leaves them as they are."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """The same scores, of shape (rows, vocabulary).

        Raises:
            StageError: some are no numbers.
        """
        if torch.isnan(scores).any():
            raise no_numbers(self.dtype)
        return scores


def no_numbers(dtype: str) -> StageError:
    """What to say of a student whose scores are no numbers, in the precision of its weights."""
    remedy = "look at the student's weights"
    if dtype != "float32":
        remedy += ", or set student.generate.dtype: float32"
    return StageError("the student's scores of the next token are no numbers", help=remedy)
