"""What the benchmark of training teaches: examples, and the settings of their training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from dataenvgym_spec.gym.prompt import PromptTemplate
from dataenvgym_spec.gym.students.adapters.lora import Lora
from dataenvgym_spec.gym.students.trainers.protocol import (
    Job,
    TrainingExample,
    TrainingLength,
    TrainingSettings,
)
from dataenvgym_spec.gym.tasks.sources.reasoning_gym import ReasoningGym
from dataenvgym_spec.records.files import read_rows, write_rows
from dataenvgym_spec.records.items import Item

HERE: Final = Path(__file__).resolve().parent
SEED: Final = 0


def lora() -> Lora:
    """The adapter that every way trains."""
    return Lora(r=16, alpha=32, dropout=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Examples, and how they are trained.

    Attributes:
        name: what is learned.
        batch: examples a step.
        length: the longest example in tokens.
        dtype: of the arithmetic.
    """

    name: str
    examples: list[TrainingExample]
    batch: int
    length: int
    dtype: Literal["float32", "bfloat16"] = "float32"

    def job(self, model: Path, folder: Path) -> Job:
        """The training of one adapter."""
        out = folder / "out"
        out.mkdir(parents=True)
        write_rows(folder / "examples.jsonl", self.examples)
        settings = TrainingSettings(
            length=TrainingLength(epochs=1),
            learning_rate=5e-4,
            schedule="cosine",
            warmup_ratio=0.1,
            weight_decay=0.0,
            max_grad_norm=1.0,
            batch_size=self.batch,
            max_length=self.length,
            dtype=self.dtype,
        )
        return Job(
            base=model,
            examples=folder / "examples.jsonl",
            settings=settings,
            adapter=lora(),
            seed=SEED,
            out=out,
            checkpoints=folder / "checkpoints",
            loss=folder / "loss.jsonl",
            facts=folder / "facts.json",
            processes=1,
            device_batch=self.batch,
            accumulation=1,
            checkpoint_seconds=1e9,
        )


def tasks(data: Path | None, steps: int) -> Iterator[Task]:
    """Short answers to long questions, and whole solutions where there is data with some."""
    template = PromptTemplate((HERE / "real/prompts/question.j2").read_text(encoding="utf-8"))
    families = yaml.safe_load((HERE / "real/reasoning.yaml").read_text(encoding="utf-8"))
    source = ReasoningGym(families=families["task"]["sources"]["problems"]["families"])
    streams = [source.stream(group, 0) for group in source.groups()]
    items = islice(chain.from_iterable(zip(*streams, strict=True)), 8 * steps)
    answers = [_example(template, item) for item in items]
    yield Task(name="answers", examples=answers, batch=8, length=96)
    if data is None:
        return
    rows = islice(read_rows(data / "gsm8k-train.jsonl"), 4 * steps)
    solved = [_solution(template, row) for row in rows]
    yield Task(name="GSM8K solutions", examples=solved, batch=4, length=256)


def _example(template: PromptTemplate, item: Item) -> TrainingExample:
    return TrainingExample(prompt=template.render(item), completion=item.target)


def _solution(template: PromptTemplate, row: Any) -> TrainingExample:
    item = Item(id="", input=row["question"], target=row["answer"], group="", cluster="")
    return _example(template, item)
