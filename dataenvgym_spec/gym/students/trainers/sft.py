"""Supervised fine-tuning on the response only, by transformers' Trainer.

The loop is in `loop`, what it learns from in `responses` and `batches`, the model in `student`, and
how progress is printed and the loss curve written in `watch`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final, Protocol

import torch
from transformers import Trainer
from transformers.utils.logging import disable_progress_bar

from dataenvgym_spec.gym.students.pretrained import read_tokenizer, sees
from dataenvgym_spec.gym.students.trainers import student
from dataenvgym_spec.gym.students.trainers.loop import Loop, check_weights
from dataenvgym_spec.gym.students.trainers.protocol import Job, TrainingExample, TrainingFacts
from dataenvgym_spec.gym.students.trainers.responses import Responses
from dataenvgym_spec.gym.students.trainers.watch import DONE
from dataenvgym_spec.gym.students.vision import Vision
from dataenvgym_spec.records.files import read_all, write_json

COMPUTED: Final = {"bf16": "bfloat16", "fp16": "float16"}
"""What accelerate calls the precision of autocast."""


class Sft:
    """Trains a model, or an adapter on it, to write the completions of prompts."""

    def train(self, job: Job) -> None:
        """Trains, and writes an adapter alone or a whole model, with the tokenizer.

        Raises:
            StageError: nothing can be learned, the result could not be saved, or a loss or weight
                is no finite number.
        """
        disable_progress_bar()
        vision = Vision(job.base) if sees(job.base) else None
        tokenizer = read_tokenizer(job.base) if vision is None else vision.tokenizer
        examples = read_all(job.examples, TrainingExample)
        responses = Responses(examples, tokenizer, job.settings.max_length, vision)
        # What is drawn next are the weights of a new adapter.
        torch.manual_seed(job.seed)
        model = student.load(job)
        loop = Loop(job, model, tokenizer, responses)
        # A processor is saved with its tokenizer.
        saved = tokenizer if vision is None else vision.processor
        # Every process has the whole student; one writes it.
        main = loop.is_world_process_zero()
        if main:
            student.try_to_save(job, model, saved)
            losses = responses.losses(job.settings.max_length)
            if losses:
                print(f"  {losses}", flush=True)
        started = time.monotonic()
        loop.train(resume_from_checkpoint=last_checkpoint(job.checkpoints))
        seconds = time.monotonic() - started
        check_weights(loop)
        if main:
            student.save(job, loop.accelerator.unwrap_model(model), saved)
            write_json(job.facts, facts_of(loop, seconds, responses, loop.tokens()))


class Counted(Protocol):
    """What a training learned from."""

    cut: int
    left_out: int

    def __len__(self) -> int: ...


def facts_of(
    loop: Trainer, seconds: float, learned: Counted, tokens: int, **more: Any
) -> TrainingFacts:
    """What is measured of any training.

    Args:
        loop: it, ended.
        seconds: that it took.
        learned: its examples.
        tokens: that it trained on.
        more: what only some trainings measure.
    """
    weights = {str(part.dtype).removeprefix("torch.") for part in student.trained(loop.model)}
    stored = ", ".join(sorted(weights))
    return TrainingFacts(
        examples=len(learned),
        cut=learned.cut,
        left_out=learned.left_out,
        steps=loop.state.global_step,
        tokens={"trained": tokens},
        device=str(loop.args.device.type),
        precision=COMPUTED.get(loop.accelerator.mixed_precision, stored),
        weights=stored,
        threads=torch.get_num_threads() if loop.args.device.type == "cpu" else None,
        training_seconds=round(seconds, 3),
        **more,
    )


def last_checkpoint(folder: Path) -> str | None:
    """The latest whole checkpoint of an earlier attempt."""
    whole = [path.parent for path in folder.glob(f"checkpoint-*/{DONE}")]
    latest = max(whole, key=_step, default=None)
    return str(latest) if latest else None


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])
