"""Kahneman-Tversky optimization: desirable answers become likelier, undesirable ones less likely.

The loop is in `desirability`, the answers in `labels`.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from dataenvgym_spec.gym.students.trainers.desirability import Desirability
from dataenvgym_spec.gym.students.trainers.frame import Frame
from dataenvgym_spec.gym.students.trainers.labels import Labels, dealt, labelled
from dataenvgym_spec.gym.students.trainers.protocol import Job
from dataenvgym_spec.gym.students.trainers.wrong_answers import Wanted
from dataenvgym_spec.records.files import write_rows

OBJECTIVES: Final = {"kto": "kto", "apo-zero": "apo_zero_unpaired"}
"""What TRL calls them."""


class Kto:
    """Trains a model, or an adapter on it, by labels of single answers (arXiv 2402.01306)."""

    def __init__(
        self,
        *,
        beta: float,
        objective: Literal["kto", "apo-zero"],
        desirable_weight: float,
        undesirable_weight: float,
        shuffle: bool = False,
        **worse: Any,
    ) -> None:
        """Takes the options; `worse` are those of `Wanted`."""
        self.wanted, self.shuffle = Wanted(**worse), shuffle
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
        frame = Frame(job)
        labels, examples = labelled(job, self.wanted)
        if self.shuffle:
            labels = dealt(labels, job.seed)
        encoded = Labels(labels, examples, frame.tokenizer, job.settings.max_length)
        loop = Desirability(job, frame.load(), frame.tokenizer, encoded, **self.loss)
        desirable, undesirable = encoded.count(True), encoded.count(False)
        if frame.main:
            print(f"  {desirable} desirable answers, {undesirable} others", flush=True)
            if job.labels is not None:
                write_rows(job.labels, labels)
        frame.train(loop)
        frame.write(loop, encoded, desirable=desirable, undesirable=undesirable)
