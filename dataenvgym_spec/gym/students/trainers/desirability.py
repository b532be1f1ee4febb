"""The loop of KTO: TRL's trainer, on our batches and token ids.

KTO sets off how much likelier answers to other questions have become. TRL measures that within the
batch of a device; here it is measured over the whole step, so that a step does not depend on how it
is spread. How likely answers were to the student that the training starts from is measured once.
"""

from __future__ import annotations

from typing import Any

import torch
from accelerate.utils import gather_object
from datasets import Dataset
from trl import KTOConfig, KTOTrainer
from trl.trainer.kto_trainer import DataCollatorForUnpairedPreference

from dataenvgym_spec.gym.students.trainers.amended import Amended, without_reference
from dataenvgym_spec.gym.students.trainers.even_steps import EvenSteps, Together, padding
from dataenvgym_spec.gym.students.trainers.labels import Labels
from dataenvgym_spec.gym.students.trainers.loop import options
from dataenvgym_spec.gym.students.trainers.protocol import Job
from dataenvgym_spec.gym.students.trainers.watch import Watch


class Desirability(EvenSteps, Amended, KTOTrainer):  # type: ignore[misc]  # transformers is skipped
    """Trains a model on labelled answers, as a job says."""

    def __init__(self, job: Job, model: Any, tokenizer: Any, labels: Labels, **loss: Any) -> None:
        """Sets the training up, and asks the student how likely the answers are before it.

        Args:
            job: the training.
            model: to train.
            tokenizer: of the model.
            labels: the answers to learn from.
            loss: arguments of `KTOConfig`.

        Raises:
            StageError: another number of processes trains than was started.
        """
        self.labels, self.moved = labels, torch.zeros(())
        self.collate = DataCollatorForUnpairedPreference(pad_token_id=padding(tokenizer))
        given = options(job)
        # TRL refuses batches of one, in which it could not measure what is set off.
        given["per_device_train_batch_size"] = max(2, job.device_batch)
        super().__init__(
            model=model,
            args=KTOConfig(
                **given,
                **loss,
                max_length=job.settings.max_length,
                precompute_ref_log_probs=True,
                precompute_ref_batch_size=job.device_batch,
            ),
            data_collator=Together(self.collate, labels),
            # It is asked for the columns alone: batches come from `get_train_dataloader`.
            train_dataset=Dataset.from_list(labels.rows[:1]),
            processing_class=tokenizer,
            callbacks=[Watch(job.loss, job.checkpoint_seconds)],
        )
        # What is compared with is measured: no second model or adapter is needed any more.
        without_reference(self.model)
        self.spread(job, labels)

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        """Nothing: the answers are tokens already, as the student is asked and answers."""
        return dataset

    def _precompute_ref_logps(self, dataset: Dataset, name: str, batch_size: int) -> Dataset:
        """Measures how likely the answers are to the student as it is; each process does a part."""
        args, rows = self.args, self.labels.rows
        share = rows[args.process_index :: args.world_size]
        measured: list[tuple[float, float]] = []
        for start in range(0, len(share), batch_size):
            batch = self._on_device(self.collate(share[start : start + batch_size]))
            own, others = self.compute_ref_log_probs(self.model, batch)
            others = torch.zeros_like(own) if others is None else others
            measured += zip(own.tolist(), others.tolist(), strict=True)
        parts = gather_object([measured])
        for number, part in enumerate(parts):
            for row, found in zip(rows[number :: args.world_size], part, strict=True):
                row["ref_logps"], row["ref_KL_logps"] = found
        return dataset

    def get_batch_samples(self, *args: Any, **more: Any) -> tuple[list[dict[str, Any]], Any]:
        """The batches of a step, with how far the student has moved measured on all of them."""
        batches, items = super().get_batch_samples(*args, **more)
        if batches and self.calculate_KL:
            total = sum(map(self._moved, batches))
            total = self.accelerator.reduce(total, reduction="sum")
            self.moved = (total / self.in_step()).clamp(min=0)
        return batches, items

    def _moved(self, batch: dict[str, Any]) -> torch.Tensor:
        """How much likelier answers to other questions are than before, summed over a batch."""
        there = int(batch["rows"])
        batch = self._on_device({name: part for name, part in batch.items() if name != "rows"})
        now = super()._compute_kl_logps(self.model, batch)
        return (now - batch["ref_KL_logps"])[:there].sum()

    def _compute_kl_logps(self, model: Any, batch: dict[str, Any]) -> torch.Tensor | None:
        """What makes TRL find the difference that was measured over the step."""
        if not self.calculate_KL:
            return None
        batch["ref_KL_logps"] = torch.zeros_like(batch["ref_KL_logps"])
        return batch["ref_KL_logps"] + self.moved

    def _on_device(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        device = self.accelerator.device
        return {name: part.to(device) for name, part in batch.items()}
