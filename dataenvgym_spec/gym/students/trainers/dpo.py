"""Direct preference optimization: of two answers, the better one becomes likelier than the worse.

The loop is in `preferences`, the pairs in `pairs`.
"""

from __future__ import annotations

import time
from typing import Any, Literal

import torch
from transformers.utils.logging import disable_progress_bar

from dataenvgym_spec.gym.students.pretrained import read_model, read_tokenizer, sees
from dataenvgym_spec.gym.students.trainers import student
from dataenvgym_spec.gym.students.trainers.amended import without_reference
from dataenvgym_spec.gym.students.trainers.loop import check_weights
from dataenvgym_spec.gym.students.trainers.pairs import Pairs, pairs_of, shuffled
from dataenvgym_spec.gym.students.trainers.preferences import Preferences
from dataenvgym_spec.gym.students.trainers.protocol import Job, TrainingFacts
from dataenvgym_spec.gym.students.trainers.sft import facts_of, last_checkpoint
from dataenvgym_spec.gym.students.trainers.wrong_answers import Sampling, Worse
from dataenvgym_spec.gym.students.vision import Vision
from dataenvgym_spec.records.files import write_json, write_rows


class Dpo:
    """Trains a model, or an adapter on it, to prefer one answer to another (arXiv 2305.18290)."""

    def __init__(
        self,
        *,
        worse: Worse,
        samples: int,
        temperature: float,
        max_new_tokens: int,
        beta: float,
        objective: Literal["sigmoid", "hinge", "ipo"],
        sft: float,
        label_smoothing: float,
        shuffle: bool = False,
    ) -> None:
        self.of, self.shuffle = worse, shuffle
        self.sampling = Sampling(
            samples=samples, temperature=temperature, max_new_tokens=max_new_tokens
        )
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
        disable_progress_bar()
        vision = Vision(job.base) if sees(job.base) else None
        tokenizer = read_tokenizer(job.base) if vision is None else vision.tokenizer
        # A processor is saved with its tokenizer.
        saved = tokenizer if vision is None else vision.processor
        pairs, examples, unpaired = pairs_of(job, self.of, self.sampling)
        if self.shuffle:
            pairs = shuffled(pairs, job.seed)
        encoded = Pairs(pairs, examples, tokenizer, job.settings.max_length, vision)
        torch.manual_seed(job.seed)
        model = student.load(job)
        if not encoded.rows:
            print("  the student gives no wrong answer, and stays as it is", flush=True)
            self._stay(job, model, saved)
            return
        loop = Preferences(job, model, _reference(job), tokenizer, encoded, **self.loss)
        main = loop.is_world_process_zero()
        if main:
            print(f"  {len(encoded)} pairs", flush=True)
            if job.pairs is not None:
                write_rows(job.pairs, pairs)
        started = time.monotonic()
        loop.train(resume_from_checkpoint=last_checkpoint(job.checkpoints))
        seconds = time.monotonic() - started
        check_weights(loop)
        if main:
            trained = without_reference(loop.accelerator.unwrap_model(model))
            facts = facts_of(
                loop, seconds, encoded, loop.tokens(), pairs=len(encoded), unpaired=unpaired
            )
            student.save(job, trained, saved)
            write_json(job.facts, facts)

    def _stay(self, job: Job, model: Any, tokenizer: Any) -> None:
        """Writes the student as it was."""
        if student.is_main():
            student.save(job, model, tokenizer)
            job.loss.write_text("", encoding="utf-8")
            write_json(job.facts, TrainingFacts(examples=0, pairs=0, steps=0))


def _reference(job: Job) -> Any:
    """Where the student begins; an adapter is copied or left out instead."""
    if job.adapter is not None:
        return None
    return read_model(job.base, dtype=getattr(torch, job.settings.dtype))
