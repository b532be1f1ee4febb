"""The frame of a training, whatever it learns: the student is loaded, trained and written.

A method makes what it learns from and its loop; what is around them is the same in all.
"""

from __future__ import annotations

import time
from typing import Any, Final, Protocol

import torch
from transformers.utils.logging import disable_progress_bar

from dataenvgym_spec.gym.students.pretrained import read_tokenizer, sees
from dataenvgym_spec.gym.students.trainers import sharded, student
from dataenvgym_spec.gym.students.trainers.amended import without_reference
from dataenvgym_spec.gym.students.trainers.checkpoints import last_checkpoint
from dataenvgym_spec.gym.students.trainers.loop import check_weights
from dataenvgym_spec.gym.students.trainers.protocol import Job, TrainingFacts
from dataenvgym_spec.gym.students.vision import Vision
from dataenvgym_spec.records.files import write_json

COMPUTED: Final = {"bf16": "bfloat16", "fp16": "float16"}
"""What accelerate calls the precision of autocast."""


class Counted(Protocol):
    """What a training learned from."""

    cut: int
    left_out: int

    def __len__(self) -> int: ...


class Frame:
    """One training, from the student's files to the trained student's.

    Attributes:
        job: the training.
        tokenizer: of the student.
        vision: the processor of a student that sees, for a method that shows it images.
        main: whether this is the one of several processes that writes.
        seconds: that the loop took.
    """

    def __init__(self, job: Job, *, images: bool = False, **tokenizer: Any) -> None:
        """Reads what turns texts into tokens.

        Args:
            job: the training.
            images: whether the method learns from images.
            tokenizer: options of the tokenizer.
        """
        disable_progress_bar()
        self.job = job
        self.vision = Vision(job.base) if images and sees(job.base) else None
        if self.vision is None:
            self.tokenizer = read_tokenizer(job.base, **tokenizer)
        else:
            self.tokenizer = self.vision.tokenizer
        self.main = student.is_main()
        self.seconds = 0.0

    def load(self) -> Any:
        """The student, as its training starts.

        Raises:
            StageError: it could not be saved, or this machine cannot train it.
        """
        sharded.require(self.job)
        # What is drawn next are the weights of a new adapter.
        torch.manual_seed(self.job.seed)
        model = student.load(self.job)
        if self.main:
            student.try_to_save(self.job, model, self._saved())
        return model

    def train(self, loop: Any) -> None:
        """Runs a loop, from the last checkpoint of an earlier attempt if there is one.

        Raises:
            StageError: a loss or weight is no finite number.
        """
        started = time.monotonic()
        loop.train(resume_from_checkpoint=last_checkpoint(self.job.checkpoints))
        self.seconds = time.monotonic() - started
        check_weights(loop)

    def write(self, loop: Any, learned: Counted, **more: Any) -> None:
        """Writes the student, an adapter alone or a whole model, and what was measured.

        Args:
            loop: it, ended.
            learned: its examples.
            more: what only some trainings measure.
        """
        weights = sharded.whole(loop, self.job)
        if self.main:
            trained = without_reference(loop.accelerator.unwrap_model(loop.model))
            facts = facts_of(loop, self.seconds, learned, loop.tokens(), **more)
            self.save(trained, weights)
            write_json(self.job.facts, facts)

    def save(self, model: Any, weights: dict[str, Any] | None = None) -> None:
        """Writes a student as it is.

        Args:
            model: the student.
            weights: all of them, where the model has but a part.
        """
        student.save(self.job, model, self._saved(), weights)

    def _saved(self) -> Any:
        """What is saved beside the student: a processor is saved with its tokenizer."""
        return self.tokenizer if self.vision is None else self.vision.processor


def facts_of(
    loop: Any, seconds: float, learned: Counted, tokens: int, **more: Any
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
