"""The loop of DPO: TRL's trainer, on our batches and token ids."""

from __future__ import annotations

from typing import Any, Final

import torch
from datasets import Dataset
from trl import DPOConfig, DPOTrainer
from trl.trainer.dpo_trainer import DataCollatorForPreference

from dataenvgym_spec.gym.students.trainers.amended import Amended
from dataenvgym_spec.gym.students.trainers.even_steps import EvenSteps, Row, Together, padding
from dataenvgym_spec.gym.students.trainers.loop import options
from dataenvgym_spec.gym.students.trainers.pairs import Pairs
from dataenvgym_spec.gym.students.trainers.protocol import Job
from dataenvgym_spec.gym.students.trainers.responses import SEEN
from dataenvgym_spec.gym.students.trainers.watch import Watch
from dataenvgym_spec.gym.students.vision import ANSWERS, stacked

COLUMNS: Final = ("prompt_ids", "chosen_ids", "rejected_ids")


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
        super().__init__(
            model=model,
            ref_model=reference,
            args=DPOConfig(
                **options(job),
                **loss,
                max_length=job.settings.max_length,
            ),
            data_collator=Together(Side(padding(tokenizer)), pairs),
            # It is asked for the columns alone: batches come from `get_train_dataloader`.
            train_dataset=Dataset.from_list([{name: pairs.rows[0][name] for name in COLUMNS}]),
            processing_class=tokenizer,
            callbacks=[Watch(job.loss, job.checkpoint_seconds)],
        )
        self.spread(job, pairs)

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        """Nothing: the pairs are tokens already, as the student is asked and answers."""
        return dataset


class Side:
    """Makes a batch of pairs: the better answers, then the worse ones, with what is seen."""

    def __init__(self, pad: int) -> None:
        self.collate = DataCollatorForPreference(pad_token_id=pad)

    def __call__(self, rows: list[Row]) -> dict[str, Any]:
        """What TRL makes of tokens, and what a student that sees takes besides."""
        batch: dict[str, Any] = self.collate(rows)
        longest = batch["input_ids"].shape[1]
        for name in rows[0]["beside"]:
            column = []
            for answer in ("chosen_ids", "rejected_ids"):
                for row in rows:
                    filled = row["beside"][name] + [ANSWERS.get(name, 0)] * len(row[answer])
                    column.append(filled + [0] * (longest - len(filled)))
            batch[name] = torch.tensor(column)
        return batch | stacked([row[SEEN] for row in rows] * 2)
