"""Group relative policy optimization: answers that score above others to one question gain.

The loop is in `rewards`.
"""

from __future__ import annotations

import time
from typing import Any, Literal

import torch
from transformers.utils.logging import disable_progress_bar

from dataenvgym_spec.gym.students.pretrained import read_tokenizer, special_tokens
from dataenvgym_spec.gym.students.trainers import student
from dataenvgym_spec.gym.students.trainers.amended import without_reference
from dataenvgym_spec.gym.students.trainers.loop import check_weights
from dataenvgym_spec.gym.students.trainers.protocol import Job, TrainingExample
from dataenvgym_spec.gym.students.trainers.rewards import Asked, Rewards, Rollout
from dataenvgym_spec.gym.students.trainers.sft import facts_of, last_checkpoint
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.records.files import read_all, write_json


class Grpo:
    """Trains a model, or an adapter on it, by the scores of its own answers (arXiv 2402.03300)."""

    def __init__(
        self,
        *,
        samples: int,
        temperature: float,
        top_p: float,
        max_new_tokens: int,
        beta: float,
        epsilon: float,
        weighing: Literal["dapo", "grpo", "bnpo", "dr_grpo"],
        scale: Literal["group", "batch", "none"],
        sampler: Literal["transformers", "vllm"] = "transformers",
        shuffle: bool = False,
    ) -> None:
        self.rollout = Rollout(
            samples=samples,
            temperature=temperature,
            top_p=top_p,
            max_new_tokens=max_new_tokens,
            shuffle=shuffle,
            sampler=sampler,
        )
        self.loss: dict[str, Any] = {"beta": beta, "epsilon": epsilon, "loss_type": weighing}
        self.loss["scale_rewards"] = scale

    def train(self, job: Job) -> None:
        """Trains, and writes an adapter alone or a whole model, with the tokenizer.

        Raises:
            MissingExtra: what draws the answers is not installed.
            StageError: no prompt leaves room for an answer, prompts do not divide among processes,
                the result could not be saved, or a loss or weight is no finite number.
        """
        disable_progress_bar()
        definition("backend", self.rollout.sampler).load()
        tokenizer = read_tokenizer(job.base, padding_side="left")
        examples = read_all(job.examples, TrainingExample)
        asked = Asked(examples, job, self.rollout)
        torch.manual_seed(job.seed)
        model = student.load(job)
        main = student.is_main()
        if main:
            student.try_to_save(job, model, tokenizer)
        loop = Rewards(job, model, tokenizer, asked, self.rollout, **self.loss)
        started = time.monotonic()
        loop.train(resume_from_checkpoint=last_checkpoint(job.checkpoints))
        seconds = time.monotonic() - started
        check_weights(loop)
        if main:
            trained = without_reference(loop.accelerator.unwrap_model(model))
            facts = facts_of(loop, seconds, asked, loop.tokens(), sampled=loop.sampled())
            trained.generation_config = special_tokens(job.base)
            student.save(job, trained, tokenizer)
            write_json(job.facts, facts)
