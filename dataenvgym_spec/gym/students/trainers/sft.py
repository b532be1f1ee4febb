"""Supervised fine-tuning on the response only, by transformers' Trainer.

The loop is in `loop`, what it learns from in `responses` and `batches`, the model in `student`,
what is around it in `frame`, and how progress is printed and the loss curve written in `watch`.
"""

from __future__ import annotations

from dataenvgym_spec.gym.students.trainers.frame import Frame
from dataenvgym_spec.gym.students.trainers.loop import Loop
from dataenvgym_spec.gym.students.trainers.protocol import Job, TrainingExample
from dataenvgym_spec.gym.students.trainers.responses import Responses
from dataenvgym_spec.records.stored import Stored


class Sft:
    """Trains a model, or an adapter on it, to write the completions of prompts."""

    shards = True

    def train(self, job: Job) -> None:
        """Trains, and writes an adapter alone or a whole model, with the tokenizer.

        Raises:
            StageError: nothing can be learned, the result could not be saved, or a loss or weight
                is no finite number.
        """
        frame = Frame(job, images=True)
        examples = Stored(job.examples, TrainingExample)
        longest = job.settings.max_length
        responses = Responses(examples, frame.tokenizer, longest, frame.vision)
        loop = Loop(job, frame.load(), frame.tokenizer, responses)
        losses = responses.losses(longest)
        if frame.main and losses:
            print(f"  {losses}", flush=True)
        frame.train(loop)
        frame.write(loop, responses)
