"""The loop of DPO: TRL's trainer, on our batches and token ids."""

from __future__ import annotations

from typing import Any

from datasets import Dataset
from transformers.trainer_callback import PrinterCallback
from trl import DPOConfig, DPOTrainer
from trl.trainer.dpo_trainer import DataCollatorForPreference

from dataenvgym_spec.gym.students.trainers.amended import Amended
from dataenvgym_spec.gym.students.trainers.even_steps import EvenSteps, Together, padding
from dataenvgym_spec.gym.students.trainers.loop import options
from dataenvgym_spec.gym.students.trainers.pairs import Pairs
from dataenvgym_spec.gym.students.trainers.protocol import Job
from dataenvgym_spec.gym.students.trainers.watch import Watch


class Preferences(EvenSteps, Amended, DPOTrainer):  # type: ignore[misc]  # transformers is skipped
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
        collate = DataCollatorForPreference(pad_token_id=padding(tokenizer))
        super().__init__(
            model=model,
            ref_model=reference,
            args=DPOConfig(
                **options(job),
                **loss,
                max_length=job.settings.max_length,
                gradient_checkpointing=False,
            ),
            data_collator=Together(collate, pairs.rows),
            # It is asked for the columns alone: batches come from `get_train_dataloader`.
            train_dataset=Dataset.from_list(pairs.rows[:1]),
            processing_class=tokenizer,
            callbacks=[Watch(job.loss, job.checkpoint_seconds)],
        )
        self.remove_callback(PrinterCallback)
        self.spread(job, pairs)

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        """Nothing: the pairs are tokens already, as the student is asked and answers."""
        return dataset
