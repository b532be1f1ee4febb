"""Samples a student's answers in its own training with vLLM, in the process that trains it.

Before each step vLLM is handed the weights as they are: all of them, or the adapter alone. TRL has
a hook for vLLM, which does not hand weights on to one that has packed them, as it does on a CPU,
and draws from a state that no checkpoint has.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import torch
from transformers.core_model_loading import revert_weight_conversion

from dataenvgym_spec.gym.students.backends.lora import rank_for
from dataenvgym_spec.gym.students.backends.serving import Serving
from dataenvgym_spec.gym.students.trainers.protocol import Job

SIDE_BY_SIDE: Final = 256
"""The most answers that one process generates at once."""
Answers = tuple[list[list[int]], list[list[float]]]
"""The tokens of answers, and the logarithms of the probabilities with which they were drawn."""


class VllmSampler:
    """vLLM beside a student that is trained.

    Args of the constructor:
        job: the training.
        model: the student.
        answers: to how many prompts it is asked for in a step.
        longest: tokens of the longest answer.
        temperature: of drawing its tokens.
        top_p: tokens are drawn from the likeliest ones that make up this much.
    """

    def __init__(
        self,
        job: Job,
        model: Any,
        *,
        answers: int,
        longest: int,
        temperature: float,
        top_p: float,
    ) -> None:
        from dataenvgym_spec.gym.students.backends.vllm_engine import VllmEngine

        # Weights are handed over in memory, whatever the user's variable says.
        os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
        self.temperature, self.top_p = temperature, top_p
        # What is drawn from is what the training corrects for: after temperature and top_p.
        options: dict[str, Any] = {"logprobs_mode": "processed_logprobs"}
        self.adapter: str | None = None
        if job.adapter is not None:
            (self.adapter,) = model.active_adapters
            rank = rank_for(model.peft_config[self.adapter])
            options |= {"enable_lora": True, "max_lora_rank": rank}
        if job.processes > 1:
            # Several processes that have met train already; each has an engine of its own.
            options["distributed_executor_backend"] = "external_launcher"
        with undisturbed():
            self.engine = VllmEngine(
                job.base,
                dtype=job.settings.dtype,
                longest=longest,
                side_by_side=min(answers, SIDE_BY_SIDE),
                serving=Serving.in_training(os.environ),
                **options,
            )

    def answers(self, model: Any, prompts: Sequence[list[int]], seeds: Sequence[int]) -> Answers:
        """Answers of a student as it is.

        Args:
            model: the student.
            prompts: the tokens of each.
            seeds: one a prompt.

        Raises:
            StageError: a prompt with its answer does not fit, or the scores are no numbers.
        """
        from dataenvgym_spec.gym.students.backends.vllm_engine import Wanted

        wanted = []
        for prompt, seed in zip(prompts, seeds, strict=True):
            wanted.append(Wanted(prompt=list(prompt), seed=seed))
        ids: list[list[int]] = [[] for _ in wanted]
        logprobs: list[list[float]] = [[] for _ in wanted]
        with undisturbed(), self._handed_over(model):
            generated = self.engine.generate(
                wanted, temperature=self.temperature, top_p=self.top_p, logprobs=True
            )
            for place, drawn in generated:
                ids[place], logprobs[place] = list(drawn.ids), list(drawn.logprobs or ())
        return ids, logprobs

    @contextmanager
    def _handed_over(self, model: Any) -> Iterator[None]:
        """Hands the weights of a student over; those that are trained are not touched."""
        if self.adapter is None:
            weights = {name: part.detach() for name, part in model.named_parameters()}
            # Some models hold weights otherwise than their files do.
            self.engine.take(revert_weight_conversion(model, weights).items())
            yield
            return
        with TemporaryDirectory() as folder:
            model.save_pretrained(folder, selected_adapters=[self.adapter])
            self.engine.adapt(Path(folder))
            yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """Random states are afterwards as they were: vLLM seeds them where it is started."""
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    before, before_in_numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices):
        try:
            yield
        finally:
            random.setstate(before)
            np.random.set_state(before_in_numpy)
