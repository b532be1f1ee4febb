"""The training loop: transformers' Trainer, on our batches, with a loss that must be a number."""

from __future__ import annotations

from typing import Any

import torch
from transformers import Trainer as TransformersTrainer
from transformers import TrainingArguments
from transformers.trainer_callback import PrinterCallback

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.students.trainers import sharded
from dataenvgym_spec.gym.students.trainers.batches import Batches, Loader
from dataenvgym_spec.gym.students.trainers.learned import Learned
from dataenvgym_spec.gym.students.trainers.protocol import Job
from dataenvgym_spec.gym.students.trainers.responses import Collator, Responses
from dataenvgym_spec.gym.students.trainers.student import trained
from dataenvgym_spec.gym.students.trainers.watch import Watch


class Loop(TransformersTrainer):  # type: ignore[misc]  # the type checker skips transformers
    """Trains a model as a job says."""

    def __init__(self, job: Job, model: Any, tokenizer: Any, responses: Responses) -> None:
        """Sets the training up; with several processes they meet here.

        Raises:
            StageError: another number of processes trains than was started.
        """
        self.job, self.responses = job, responses
        self.learned = Learned(model)
        sharded.autocast(model, job)
        super().__init__(
            model=model,
            args=arguments(job),
            train_dataset=responses,
            data_collator=Collator(tokenizer, responses.beside),
            compute_loss_func=self.learned.loss,
            callbacks=[Watch(job.loss, job.checkpoint_seconds)],
        )
        settle(self, job)
        self.batches = Batches(len(responses), job, self.args.process_index)

    def create_accelerator_and_postprocess(self) -> None:
        """Makes what spreads the student over devices."""
        sharded.prepare(self.job)
        super().create_accelerator_and_postprocess()
        sharded.keep_precision(self, self.job)

    def get_train_dataloader(self) -> Loader:
        """The batches of this process; accelerate's own would repeat examples at the end."""
        return Loader(
            self.responses, batch_sampler=self.batches, collate_fn=self.data_collator, num_workers=0
        )

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **more: Any) -> Any:
        """The loss of a batch."""
        self.learned.look(inputs["labels"])
        return super().compute_loss(model, inputs, *args, **more)

    def training_step(self, *args: Any, **more: Any) -> torch.Tensor:
        """One batch forth and back.

        Raises:
            StageError: its loss is no finite number.
        """
        loss: torch.Tensor = super().training_step(*args, **more)
        require_finite(loss, self.state.global_step + 1, self.job)
        return loss

    def tokens(self) -> int:
        """How many tokens all processes have trained on, without padding."""
        lengths = self.responses.rows.lengths
        return sum(lengths[index] for index in self.batches.seen(self.state.global_step))


def require_finite(loss: torch.Tensor, step: int, job: Job) -> None:
    """Looks at the loss of a step.

    Raises:
        StageError: it is no finite number.
    """
    if torch.isfinite(loss):
        return
    remedy = "lower the learning rate"
    if step == 1:
        remedy = "the base student gives it before it has learned anything: look at it"
    if job.settings.dtype != "float32":
        remedy += ", or set dtype: float32"
    raise StageError(f"the loss is {float(loss)} in step {step}", help=remedy)


def check_weights(trainer: TransformersTrainer) -> None:
    """Looks for weights that are no finite numbers, after the last step.

    Raises:
        StageError: there are some.
    """
    parts = map(sharded.local, trained(trainer.model))
    if not all(torch.isfinite(part).all() for part in parts):
        step = trainer.state.global_step
        message = f"the student has weights that are no finite numbers after step {step}"
        raise StageError(message, help="lower the learning rate")


def settle(trainer: TransformersTrainer, job: Job) -> None:
    """Quiets a trainer that is set up, and looks at how many processes have met.

    Raises:
        StageError: another number than was started.
    """
    # It would print every point of the curve; `Watch` prints a line now and then.
    trainer.remove_callback(PrinterCallback)
    met = trainer.args.world_size
    if met != job.processes:
        message = f"{job.processes} processes were to train, and {met} do"
        raise StageError(message, help="set DATAENVGYM_PROCESSES=1")


def arguments(job: Job) -> TrainingArguments:
    """The Trainer's arguments."""
    return TrainingArguments(**options(job))


def options(job: Job) -> dict[str, Any]:
    """Arguments of any Trainer: what the spec says; none writes or reports elsewhere."""
    settings = job.settings
    # transformers' `constant` has no warm-up.
    schedule = settings.schedule
    schedule_type = "constant_with_warmup" if schedule == "constant" else schedule
    length = settings.length
    return {
        "output_dir": str(job.checkpoints),
        "max_steps": length.steps or -1,
        "num_train_epochs": length.epochs or 1,
        "per_device_train_batch_size": job.device_batch,
        "gradient_accumulation_steps": job.accumulation,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": schedule_type,
        "warmup_steps": settings.warmup_ratio,
        "weight_decay": settings.weight_decay,
        "max_grad_norm": settings.max_grad_norm,
        "gradient_checkpointing": job.recompute,
        "gradient_checkpointing_kwargs": {"use_reentrant": False} if job.recompute else None,
        "bf16": settings.dtype == "bfloat16",
        "fp16": settings.dtype == "float16",
        "seed": job.seed,
        "data_seed": job.seed,
        "logging_steps": 5,
        "logging_first_step": True,
        # It would put the mean of the losses before in place of one that is no number.
        "logging_nan_inf_filter": False,
        # `Watch` asks for checkpoints by time: steps of a large student take minutes.
        "save_strategy": "no",
        "save_total_limit": 2,
        "report_to": [],
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
        "remove_unused_columns": False,
        "use_cpu": not torch.cuda.is_available(),
    }
