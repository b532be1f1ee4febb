"""Supervised fine-tuning on the response only, by transformers' Trainer.

How progress is printed and the loss curve written is in `watch`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
from transformers import Trainer as TransformersTrainer
from transformers import TrainingArguments
from transformers.trainer_callback import PrinterCallback
from transformers.utils.logging import disable_progress_bar

from dataenvgym_spec.gym.students.pretrained import read_model, read_tokenizer
from dataenvgym_spec.gym.students.threads import settle
from dataenvgym_spec.gym.students.trainers.protocol import Job, TrainingExample, TrainingFacts
from dataenvgym_spec.gym.students.trainers.watch import DONE, Watch
from dataenvgym_spec.records.files import read_all, write_json

Encoded = dict[str, list[int]]

IGNORED: Final = -100
"""The label of a token that carries no loss."""


class Sft:
    """Trains a model, or an adapter on it, to write the completions of prompts."""

    def train(self, job: Job) -> None:
        """Trains, and writes an adapter alone or a whole model, with the tokenizer."""
        disable_progress_bar()
        # What is drawn next are the weights of a new adapter.
        torch.manual_seed(job.seed)
        tokenizer = read_tokenizer(job.base)
        model = _model(job)
        examples = read_all(job.examples, TrainingExample)
        dataset = Responses(examples, tokenizer, job.settings.max_length)
        trainer = TransformersTrainer(
            model=model,
            args=arguments(job),
            train_dataset=dataset,
            data_collator=Collator(_padding(tokenizer)),
            callbacks=[Watch(job.loss, job.checkpoint_seconds)],
        )
        # It would print every point of the curve; `Watch` prints a line now and then.
        trainer.remove_callback(PrinterCallback)
        started = time.monotonic()
        result = trainer.train(resume_from_checkpoint=last_checkpoint(job.checkpoints))
        seconds = time.monotonic() - started
        # Every process has the whole student; one writes it.
        if not trainer.accelerator.is_main_process:
            return
        trainer.accelerator.unwrap_model(model).save_pretrained(job.out)
        tokenizer.save_pretrained(job.out)
        facts = TrainingFacts(
            examples=len(examples),
            steps=result.global_step,
            tokens={"trained": int(dataset.tokens() * trainer.state.epoch)},
            device=str(trainer.args.device.type),
            precision=job.settings.dtype,
            threads=torch.get_num_threads() if trainer.args.device.type == "cpu" else None,
            training_seconds=round(seconds, 3),
        )
        write_json(job.facts, facts)


def _model(job: Job) -> Any:
    dtype = getattr(torch, job.settings.dtype)
    model = read_model(job.base, dtype=dtype)
    if job.adapter is not None:
        model = job.adapter.adapt(model)
    settle(model)
    return model


def _padding(tokenizer: Any) -> int:
    token = tokenizer.pad_token_id
    return int(tokenizer.eos_token_id if token is None else token)


class Responses(torch.utils.data.Dataset[Encoded]):
    """Token ids of prompt and completion; the prompt carries no loss."""

    def __init__(
        self, examples: Sequence[TrainingExample], tokenizer: Any, max_length: int
    ) -> None:
        self.rows = [_encode(example, tokenizer, max_length) for example in examples]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Encoded:
        return self.rows[index]

    def tokens(self) -> int:
        """How many tokens one pass sees."""
        return sum(len(row["input_ids"]) for row in self.rows)


def _encode(example: TrainingExample, tokenizer: Any, max_length: int) -> Encoded:
    prompt = tokenizer(example.prompt).input_ids
    completion = tokenizer(example.completion, add_special_tokens=False).input_ids
    answer = [*completion, tokenizer.eos_token_id]
    # Cut at the end, so that a long prompt is never without its beginning.
    ids = prompt + answer
    labels = [IGNORED] * len(prompt) + answer
    return {"input_ids": ids[:max_length], "labels": labels[:max_length]}


class Collator:
    """Pads a batch on the right to its longest example."""

    def __init__(self, pad: int) -> None:
        self.pad = pad

    def __call__(self, rows: list[Encoded]) -> dict[str, torch.Tensor]:
        """Returns `input_ids`, `attention_mask` and `labels`, each of shape (examples, longest)."""
        longest = max(len(row["input_ids"]) for row in rows)
        ids, mask, labels = [], [], []
        for row in rows:
            missing = longest - len(row["input_ids"])
            ids.append(row["input_ids"] + [self.pad] * missing)
            mask.append([1] * (longest - missing) + [0] * missing)
            labels.append(row["labels"] + [IGNORED] * missing)
        return {
            "input_ids": torch.tensor(ids),
            "attention_mask": torch.tensor(mask),
            "labels": torch.tensor(labels),
        }


def arguments(job: Job) -> TrainingArguments:
    """The Trainer's arguments: what the spec says, and nothing that writes or reports elsewhere."""
    settings = job.settings
    # transformers' `constant` has no warm-up.
    schedule = settings.schedule
    schedule_type = "constant_with_warmup" if schedule == "constant" else schedule
    length = settings.length
    return TrainingArguments(
        output_dir=str(job.checkpoints),
        max_steps=length.steps or -1,
        num_train_epochs=length.epochs or 1,
        per_device_train_batch_size=job.device_batch,
        gradient_accumulation_steps=job.accumulation,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=schedule_type,
        warmup_steps=settings.warmup_ratio,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        seed=job.seed,
        data_seed=job.seed,
        logging_steps=5,
        # `Watch` asks for checkpoints by time: steps of a large student take minutes.
        save_strategy="no",
        save_total_limit=2,
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        use_cpu=not torch.cuda.is_available(),
    )


def last_checkpoint(folder: Path) -> str | None:
    """The latest whole checkpoint of an earlier attempt."""
    whole = [path.parent for path in folder.glob(f"checkpoint-*/{DONE}")]
    latest = max(whole, key=_step, default=None)
    return str(latest) if latest else None


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])
