"""Training speed beside transformers' Trainer and TRL's SFTTrainer, on one model.

All train a LoRA adapter on the same token ids in the same order, with equal precision, batches,
length, optimizer, attention and threads, in turns within one process, so that whatever else the
machine does meets both. `real.py` runs it and says where model and packages are:

python benchmarks/training.py MODEL PACKAGES OUT [--data FOLDER] [--steps N] [--repetitions N]
python benchmarks/training.py MODEL PACKAGES OUT --check    # exits 1 if ours is slower

Without TRL in PACKAGES it is left out.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from measure import table
from tasks import Task, lora, tasks

from dataenvgym_spec.gym.students.pretrained import read_tokenizer, special_tokens
from dataenvgym_spec.gym.students.trainers.batches import Batches
from dataenvgym_spec.gym.students.trainers.loop import arguments, options
from dataenvgym_spec.gym.students.trainers.protocol import Job, TrainingExample
from dataenvgym_spec.gym.students.trainers.responses import Responses
from dataenvgym_spec.gym.students.trainers.student import load, trained
from dataenvgym_spec.records.files import read_all

HERE: Final = Path(__file__).resolve().parent
OURS: Final = "this project"
RAW: Final = "Trainer, equal settings"
SAME: Final = "TRL, equal settings"
DEFAULTS: Final = "TRL's own defaults"
LEAST: Final = 1.0
"""How many times as fast as Trainer and TRL with equal settings ours has to be."""
COMMON: Final = (
    *("per_device_train_batch_size", "gradient_accumulation_steps", "learning_rate"),
    *("lr_scheduler_type", "warmup_steps", "weight_decay", "max_grad_norm", "bf16", "fp16"),
    *("optim", "seed", "data_seed", "logging_steps", "logging_first_step", "save_strategy"),
    *("logging_nan_inf_filter", "report_to", "disable_tqdm", "dataloader_pin_memory", "use_cpu"),
    *("max_steps", "num_train_epochs", "gradient_checkpointing", "torch_compile"),
)
"""The arguments of our trainer that TRL's is given as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds of one training without its start, and the mean loss of its steps."""

    wall: float
    cpu: float
    loss: float


def ours(job: Job) -> Timing:
    """The project's own trainer, as a stage calls it."""
    from dataenvgym_spec.gym.students.trainers.loop import Loop
    from dataenvgym_spec.gym.students.trainers.sft import Sft

    clock = Clock(Loop, "train")
    with clock:
        Sft().train(job)
    return clock.timing()


def learned(job: Job) -> tuple[Any, list[Any]]:
    """The tokenizer, and the tokens that our trainer learns, in its order."""
    tokenizer = read_tokenizer(job.base)
    rows = Responses(read_all(job.examples, TrainingExample), tokenizer, job.settings.max_length)
    return tokenizer, [rows[index] for index in Batches(len(rows), job, 0).order(0)]


def equal_trainer(job: Job) -> Timing:
    """The Trainer of transformers with everything set as ours has it."""
    from peft import get_peft_model
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

    tokenizer, rows = learned(job)
    given = arguments(job)  # making some forgets what Accelerate knows, so before the trainer
    trainer = Trainer(
        model=get_peft_model(load_plain(job), lora().config),
        args=TrainingArguments(**options(job), train_sampling_strategy="sequential"),
        train_dataset=rows,
        # It pads labels with what carries no loss.
        data_collator=DataCollatorForSeq2Seq(tokenizer),
    )
    compare(job, trainer.model, trainer.args, given)
    return timed(trainer)


def equal_trl(job: Job) -> Timing:
    """TRL with everything set as ours has it, on the tokens that ours learns."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    tokenizer, rows = learned(job)
    model = load_plain(job)
    given = arguments(job)
    config = SFTConfig(
        output_dir=str(job.checkpoints),
        max_length=job.settings.max_length,
        packing=False,
        train_sampling_strategy="sequential",
        **{name: getattr(given, name) for name in COMMON},
    )
    trainer = SFTTrainer(
        model=model,
        args=config,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=lora().config,
    )
    compare(job, trainer.model, trainer.args, given)
    return timed(trainer)


def default_trl(job: Job) -> Timing:
    """TRL as it comes, told no more than the model, the adapter, the examples and their batch."""
    import torch
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    examples = read_all(job.examples, TrainingExample)
    config = SFTConfig(
        output_dir=str(job.checkpoints),
        per_device_train_batch_size=job.device_batch,
        num_train_epochs=1,
        report_to=[],
        save_strategy="no",
        logging_first_step=True,
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
    )
    trainer = SFTTrainer(
        model=str(job.base),
        args=config,
        train_dataset=Dataset.from_list([example.plain() for example in examples]),
        peft_config=lora().config,
    )
    return timed(trainer)


WAYS: Final[dict[str, Callable[[Job], Timing]]] = {
    OURS: ours,
    RAW: equal_trainer,
    SAME: equal_trl,
    DEFAULTS: default_trl,
}


class Clock:
    """Times a training method of a class, while it is entered."""

    def __init__(self, owner: Any, name: str) -> None:
        self.owner, self.name, self.real = owner, name, getattr(owner, name)
        self.wall = self.cpu = self.loss = 0.0

    def __enter__(self) -> None:
        def call(*given: Any, **named: Any) -> Any:
            wall, cpu = time.perf_counter(), time.process_time()
            made = self.real(*given, **named)
            self.wall, self.cpu = time.perf_counter() - wall, time.process_time() - cpu
            self.loss = made.training_loss
            return made

        setattr(self.owner, self.name, call)

    def __exit__(self, *_: object) -> None:
        setattr(self.owner, self.name, self.real)

    def timing(self) -> Timing:
        """What it took."""
        return Timing(wall=self.wall, cpu=self.cpu, loss=self.loss)


def timed(trainer: Any) -> Timing:
    """Trains with a trainer that is not ours."""
    clock = Clock(type(trainer), "train")
    with clock:
        trainer.train()
    return clock.timing()


def load_plain(job: Job) -> Any:
    """The model as our trainer reads it, before the adapter: TRL adds that itself."""
    import torch

    from dataenvgym_spec.gym.students.pretrained import read_model

    model = read_model(job.base, dtype=getattr(torch, job.settings.dtype))
    model.generation_config = special_tokens(job.base)
    torch.manual_seed(job.seed)
    return model


def compare(job: Job, theirs: Any, args: Any, given: Any) -> None:
    """Says what differs between the two trainings, and stops: they would not be comparable."""
    import torch

    torch.manual_seed(job.seed)
    mine = load(job)
    facts = [
        ("attention", mine.config._attn_implementation, theirs.config._attn_implementation),
        ("trained weights", _weights(mine), _weights(theirs)),
        ("frozen weights", mine.dtype, theirs.dtype),
    ]
    facts += [(name, getattr(given, name), getattr(args, name)) for name in COMMON]
    for name, one, other in facts:
        if one != other:
            raise SystemExit(f"{name} is {one} here and {other} there")


def _weights(model: Any) -> list[tuple[int, str]]:
    return sorted((part.numel(), str(part.dtype)) for part in trained(model))


def measure(
    task: Task, model: Path, ways: Sequence[str], repetitions: int
) -> dict[str, list[Timing]]:
    """The timings of each way, in turns."""
    timings: dict[str, list[Timing]] = {name: [] for name in ways}
    for _ in range(repetitions):
        for name in ways:
            folder = Path(tempfile.mkdtemp())
            timing = WAYS[name](task.job(model, folder))
            shutil.rmtree(folder)
            timings[name].append(timing)
            print(f"  {task.name}, {name}: {timing.wall:.1f} s", flush=True)
    return timings


def figures(task: Task, tokens: int, timings: dict[str, list[Timing]]) -> list[dict[str, Any]]:
    """Medians by way, and how many times ours is as fast."""
    rows = []
    mine = _median(timings[OURS], "wall"), _median(timings[OURS], "cpu")
    for name, made in timings.items():
        wall, cpu = _median(made, "wall"), _median(made, "cpu")
        rows.append(
            {
                "task": task.name,
                "dtype": task.dtype,
                "way": name,
                "examples": len(task.examples),
                "batch": task.batch,
                "max_length": task.length,
                "tokens": tokens,
                "runs": len(made),
                "wall_s": round(wall, 2),
                "cpu_s": round(cpu, 2),
                "tokens_per_s": round(tokens / wall, 1),
                "ratio_wall": round(wall / mine[0], 2),
                "ratio_cpu": round(cpu / mine[1], 2),
                "mean_loss": round(made[0].loss, 4),
            }
        )
    return rows


def _median(made: list[Timing], name: str) -> float:
    seconds: list[float] = [getattr(timing, name) for timing in made]
    return statistics.median(seconds)


def show(rows: list[dict[str, Any]]) -> None:
    """Prints the figures."""
    head = ["task", "dtype", "way", "tokens_per_s", "wall_s", "cpu_s", "ratio_wall", "ratio_cpu"]
    head += ["runs", "mean_loss"]
    table(head, [[f"{row[name]}" for name in head] for row in rows])


def count(task: Task, model: Path) -> int:
    """The tokens of a task, without padding."""
    rows = Responses(task.examples, read_tokenizer(model), task.length).rows
    return sum(len(row["input_ids"]) for row in rows)


def main() -> None:
    """Measures, prints, and writes JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("packages", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3, help="of each training")
    parser.add_argument("--check", action="store_true", help="exit 1 if a bound is broken")
    given = parser.parse_args()
    sys.path.append(str(given.packages))
    ways = [OURS, RAW]
    if find_spec("trl") is not None:
        # TRL would import vLLM, of which its trainer needs nothing here.
        vars(import_module("trl.import_utils"))["is_vllm_available"] = lambda *_, **__: False
        ways.append(SAME)
    measured: list[tuple[Task, dict[str, list[Timing]]]] = []
    for task in tasks(given.data, given.steps):
        timings = measure(task, given.model, ways, given.repetitions)
        measured.append((task, timings))
        write(given.out, measured, given.model)
    if SAME in ways:
        # It is slow, and nothing is asked of it.
        task, timings = measured[0]
        timings |= measure(task, given.model, (DEFAULTS,), 1)
    rows = write(given.out, measured, given.model)
    show(rows)
    slow = [row for row in rows if row["way"] != DEFAULTS and row["ratio_wall"] < LEAST]
    sys.exit(1 if given.check and slow else 0)


def write(
    out: Path, measured: list[tuple[Task, dict[str, list[Timing]]]], model: Path
) -> list[dict[str, Any]]:
    """Writes what is known so far as JSON, and returns it."""
    rows: list[dict[str, Any]] = []
    for task, timings in measured:
        rows += figures(task, count(task, model), timings)
    out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return rows


if __name__ == "__main__":
    main()
