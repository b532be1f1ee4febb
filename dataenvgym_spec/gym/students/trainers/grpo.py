"""Group relative policy optimization: answers that score above others to one question gain.

The loop is in `rewards`.
"""

from __future__ import annotations

from typing import Any, Literal

from dataenvgym_spec.gym.students.pretrained import special_tokens
from dataenvgym_spec.gym.students.trainers.frame import Frame
from dataenvgym_spec.gym.students.trainers.protocol import Job, TrainingExample
from dataenvgym_spec.gym.students.trainers.rewards import Asked, Rewards, Rollout
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.records.files import read_all


class Grpo:
    """Trains a model, or an adapter on it, by the scores of its own answers (arXiv 2402.03300)."""

    def __init__(
        self,
        *,
        beta: float,
        epsilon: float,
        weighing: Literal["dapo", "grpo", "bnpo", "dr_grpo"],
        scale: Literal["group", "batch", "none"],
        **rollout: Any,
    ) -> None:
        """Takes the options; `rollout` are those of `Rollout`."""
        self.rollout = Rollout(**rollout)
        self.loss: dict[str, Any] = {"beta": beta, "epsilon": epsilon, "loss_type": weighing}
        self.loss["scale_rewards"] = scale

    def train(self, job: Job) -> None:
        """Trains, and writes an adapter alone or a whole model, with the tokenizer.

        Raises:
            MissingExtra: what draws the answers is not installed.
            StageError: no prompt leaves room for an answer, prompts do not divide among processes,
                the result could not be saved, or a loss or weight is no finite number.
        """
        definition("backend", self.rollout.sampler).load()
        frame = Frame(job, padding_side="left")
        asked = Asked(read_all(job.examples, TrainingExample), job, self.rollout)
        model = frame.load()
        loop = Rewards(job, model, frame.tokenizer, asked, self.rollout, **self.loss)
        frame.train(loop)
        # What ended an answer in training is no part of the student.
        model.generation_config = special_tokens(job.base)
        frame.write(loop, asked, sampled=loop.sampled())
