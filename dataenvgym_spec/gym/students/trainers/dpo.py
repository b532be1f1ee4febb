"""Direct preference optimization: of two answers, the better one becomes likelier than the worse.

The loop is in `preferences`, the pairs in `pairs`.
"""

from __future__ import annotations

from typing import Any, Literal

import torch

from dataenvgym_spec.gym.students.pretrained import read_model
from dataenvgym_spec.gym.students.trainers.frame import Frame
from dataenvgym_spec.gym.students.trainers.pairs import Pairs, pairs_of, shuffled
from dataenvgym_spec.gym.students.trainers.preferences import Preferences
from dataenvgym_spec.gym.students.trainers.protocol import Job, TrainingFacts
from dataenvgym_spec.gym.students.trainers.wrong_answers import Wanted
from dataenvgym_spec.records.files import write_json, write_rows


class Dpo:
    """Trains a model, or an adapter on it, to prefer one answer to another (arXiv 2305.18290)."""

    def __init__(
        self,
        *,
        beta: float,
        objective: Literal["sigmoid", "hinge", "ipo"],
        sft: float,
        label_smoothing: float,
        shuffle: bool = False,
        **worse: Any,
    ) -> None:
        """Takes the options; `worse` are those of `Wanted`."""
        self.wanted, self.shuffle = Wanted(**worse), shuffle
        self.loss: dict[str, Any] = {"beta": beta, "label_smoothing": label_smoothing}
        self.loss |= {"loss_type": [objective], "loss_weights": [1.0]}
        if sft:
            self.loss |= {"loss_type": [objective, "sft"], "loss_weights": [1.0, sft]}

    def train(self, job: Job) -> None:
        """Trains, and writes an adapter alone or a whole model, with the tokenizer.

        A student that gives no wrong answer is left as it is.

        Raises:
            StageError: no example has a worse answer though they were to have one, the result could
                not be saved, or a loss or weight is no finite number.
        """
        frame = Frame(job, images=True)
        pairs, examples, unpaired = pairs_of(job, self.wanted)
        if self.shuffle:
            pairs = shuffled(pairs, job.seed)
        longest = job.settings.max_length
        encoded = Pairs(pairs, examples, frame.tokenizer, longest, frame.vision)
        model = frame.load()
        if not encoded.rows:
            print("  the student gives no wrong answer, and stays as it is", flush=True)
            _stay(frame, model)
            return
        loop = Preferences(job, model, _reference(job), frame.tokenizer, encoded, **self.loss)
        if frame.main:
            print(f"  {len(encoded)} pairs", flush=True)
            if job.pairs is not None:
                write_rows(job.pairs, pairs)
        frame.train(loop)
        frame.write(loop, encoded, pairs=len(encoded), unpaired=unpaired)


def _stay(frame: Frame, model: Any) -> None:
    """Writes the student as it was."""
    if frame.main:
        frame.save(model)
        frame.job.loss.write_text("", encoding="utf-8")
        write_json(frame.job.facts, TrainingFacts(examples=0, pairs=0, steps=0))


def _reference(job: Job) -> Any:
    """Where the student begins; an adapter is copied or left out instead."""
    if job.adapter is not None:
        return None
    return read_model(job.base, dtype=getattr(torch, job.settings.dtype))
