"""The loop of DPO: TRL's trainer, on our batches and token ids."""

from __future__ import annotations

from typing import Any

import torch
from datasets import Dataset
from transformers.trainer_callback import PrinterCallback
from trl import DPOConfig, DPOTrainer
from trl.trainer.dpo_trainer import DataCollatorForPreference

from dataenvgym_spec.gym.students.trainers.amended import Amended
from dataenvgym_spec.gym.students.trainers.batches import Batches, Loader
from dataenvgym_spec.gym.students.trainers.loop import options, require_processes
from dataenvgym_spec.gym.students.trainers.pairs import Pairs
from dataenvgym_spec.gym.students.trainers.protocol import Job
from dataenvgym_spec.gym.students.trainers.watch import Watch


class Preferences(Amended, DPOTrainer):  # type: ignore[misc]  # the type checker skips transformers
    """Trains a model on pairs, as a job says."""

    def __init__(
        self, job: Job, model: Any, reference: Any, tokenizer: Any, pairs: Pairs, **loss: Any
    ) -> None:
        """Sets the training up.

        Args:
            job: the training.
            model: to train.
            reference: where it begins, frozen; None where `model` has an adapter.
            tokenizer: of the model.
            pairs: to learn.
            loss: arguments of `DPOConfig`.

        Raises:
            StageError: another number of processes trains than was started.
        """
        self.job, self.pairs = job, pairs
        super().__init__(
            model=model,
            ref_model=reference,
            args=DPOConfig(
                **options(job),
                **loss,
                max_length=job.settings.max_length,
                gradient_checkpointing=False,
            ),
            data_collator=Together(tokenizer, pairs),
            # It is asked for the columns alone: batches come from `get_train_dataloader`.
            train_dataset=Dataset.from_list(pairs.rows[:1]),
            processing_class=tokenizer,
            callbacks=[Watch(job.loss, job.checkpoint_seconds)],
        )
        self.remove_callback(PrinterCallback)
        require_processes(self, job)
        self.batches = Batches(len(pairs), job, self.args.process_index)

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        """Nothing: the pairs are tokens already, as the student is asked and answers."""
        return dataset

    def get_train_dataloader(self) -> Loader:
        """The batches of this process."""
        return Loader(
            self.pairs, batch_sampler=self.batches, collate_fn=self.data_collator, num_workers=0
        )

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **more: Any) -> Any:
        """The loss of a batch, as its part of the mean over the pairs of the whole step."""
        there = int(inputs.pop("pairs"))
        loss = super().compute_loss(model, inputs, *args, **more)
        share = there * self.job.accumulation * self.job.processes / self._in_step()
        return loss * share

    def _in_step(self) -> int:
        """How many pairs all processes learn in this step: the last of a pass may have less."""
        total, size = len(self.pairs), self.job.settings.batch_size
        steps = -(-total // size)
        last = self.state.global_step % steps == steps - 1
        return total - (steps - 1) * size if last else size

    def tokens(self) -> int:
        """How many tokens all processes have trained on, without padding."""
        return sum(map(self.pairs.tokens, self.batches.seen(self.state.global_step)))


class Together:
    """Makes a batch of pairs; of none, one that counts nothing: each process takes every step."""

    def __init__(self, tokenizer: Any, pairs: Pairs) -> None:
        pad = tokenizer.pad_token_id
        pad = tokenizer.eos_token_id if pad is None else pad
        self.collate = DataCollatorForPreference(pad_token_id=pad)
        self.stand_in = pairs.rows[:1]

    def __call__(self, rows: list[dict[str, list[int]]]) -> dict[str, Any]:
        """What TRL makes of pairs, and in `pairs` how many they are."""
        batch: dict[str, Any] = self.collate(rows or self.stand_in)
        return {**batch, "pairs": torch.tensor(len(rows))}
