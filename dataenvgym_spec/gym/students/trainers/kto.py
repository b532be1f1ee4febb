"""Kahneman-Tversky optimization: desirable answers become likelier, undesirable ones less likely.

The loop is in `desirability`, the answers in `labels`.
"""

from __future__ import annotations

import time
from typing import Any, Final, Literal

import torch
from transformers.utils.logging import disable_progress_bar

from dataenvgym_spec.gym.students.pretrained import read_tokenizer
from dataenvgym_spec.gym.students.trainers import student
from dataenvgym_spec.gym.students.trainers.desirability import Desirability
from dataenvgym_spec.gym.students.trainers.labels import Labels, dealt, labelled
from dataenvgym_spec.gym.students.trainers.loop import check_weights
from dataenvgym_spec.gym.students.trainers.protocol import Job
from dataenvgym_spec.gym.students.trainers.sft import facts_of, last_checkpoint
from dataenvgym_spec.gym.students.trainers.wrong_answers import Sampling, Worse
from dataenvgym_spec.records.files import write_json, write_rows

OBJECTIVES: Final = {"kto": "kto", "apo-zero": "apo_zero_unpaired"}
"""What TRL calls them."""


class Kto:
    """Trains a model, or an adapter on it, by labels of single answers (arXiv 2402.01306)."""

    def __init__(
        self,
        *,
        worse: Worse,
        samples: int,
        temperature: float,
        max_new_tokens: int,
        beta: float,
        objective: Literal["kto", "apo-zero"],
        desirable_weight: float,
        undesirable_weight: float,
        shuffle: bool = False,
    ) -> None:
        self.of, self.shuffle = worse, shuffle
        self.sampling = Sampling(
            samples=samples, temperature=temperature, max_new_tokens=max_new_tokens
        )
        self.loss: dict[str, Any] = {"beta": beta, "loss_type": OBJECTIVES[objective]}
        self.loss |= {
            "desirable_weight": desirable_weight,
            "undesirable_weight": undesirable_weight,
        }

    def train(self, job: Job) -> None:
        """Trains, and writes an adapter alone or a whole model, with the tokenizer.

        Raises:
            StageError: no example has a worse answer though they were to have one, the result could
                not be saved, or a loss or weight is no finite number.
        """
        disable_progress_bar()
        tokenizer = read_tokenizer(job.base)
        labels, examples = labelled(job, self.of, self.sampling)
        if self.shuffle:
            labels = dealt(labels, job.seed)
        encoded = Labels(labels, examples, tokenizer, job.settings.max_length)
        torch.manual_seed(job.seed)
        model = student.load(job)
        main = student.is_main()
        if main:
            student.try_to_save(job, model, tokenizer)
        loop = Desirability(job, model, tokenizer, encoded, **self.loss)
        counts = {"desirable": encoded.count(True), "undesirable": encoded.count(False)}
        if main:
            desirable, undesirable = counts.values()
            print(f"  {desirable} desirable answers, {undesirable} others", flush=True)
            if job.labels is not None:
                write_rows(job.labels, labels)
        started = time.monotonic()
        loop.train(resume_from_checkpoint=last_checkpoint(job.checkpoints))
        seconds = time.monotonic() - started
        check_weights(loop)
        if main:
            facts = facts_of(loop, seconds, encoded, loop.tokens(), **counts)
            student.save(job, loop.accelerator.unwrap_model(model), tokenizer)
            write_json(job.facts, facts)
