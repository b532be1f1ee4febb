"""Trainings in this process whose trainer has a judge."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.gym.students.trainers.protocol import Job, Trainer, TrainingExample
from dataenvgym_spec.gym.tasks.protocol import Scorer
from dataenvgym_spec.gym.tasks.scoring import Judge
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.records.files import write_rows
from dataenvgym_spec.records.items import Item
from tests.support.students import untrained
from tests.support.training import job_in, sums

QUICK = {"length": {"steps": 4}, "batch_size": 5, "learning_rate": 1e-3}


def standard(slot: str, kind: str, **options: Any) -> Component:
    """A component with its defaults, and some options of its own."""
    declared = definition(slot, kind)
    given = {
        name: option["default"]
        for name, option in declared.schema.get("properties", {}).items()
        if "default" in option
    }
    return Component(slot=slot, kind=kind, version=declared.version(), options={**given, **options})


def exact() -> Judge:
    """The scorer that compares texts, as a stage has it."""
    return Judge(standard("scorer", "exact-match"))


class Longer:
    """Scores answers by how many characters they have: what any student can learn."""

    def score(self, answers: Any) -> list[Any]:
        from dataenvgym_spec.gym.tasks.protocol import Score

        return [Score(value=min(1.0, len(one.text) / 8), parsed=True) for _, one in answers]


def examples(count: int = 12, **more: Any) -> list[TrainingExample]:
    rows = []
    for number in range(count):
        left, right = divmod(number, 10)
        question, answer = f"{left} + {right} =", str(left + right)
        item = Item(id=question, input=question, target=answer, group="sum", cluster=question)
        rows.append(TrainingExample(prompt=question, completion=answer, item=item, **more))
    return rows


def job(folder: Path, base: Path, judge: Scorer, **more: Any) -> Job:
    folder.mkdir(exist_ok=True)
    write_rows(folder / "examples.jsonl", more.pop("rows", None) or examples())
    own = {name: more.pop(name) for name in ("adapter", "device_batch") if name in more}
    given = {
        name: more.pop(name) for name in ("accumulation", "checkpoint_seconds") if name in more
    }
    own = {"device_batch": 5, **own}
    made = job_in(folder, base, {**QUICK, **more}, **own)
    return dataclasses.replace(
        made, judge=judge, pairs=folder / "pairs.jsonl", labels=folder / "labels.jsonl", **given
    )


def measured(trainer: Trainer, made: Job) -> dict[str, Any]:
    """Trains, and gives what was measured."""
    trainer.train(made)
    facts: dict[str, Any] = json.loads(made.facts.read_text(encoding="utf-8"))
    return facts


def killed(made: Job, whole: Path, after: int | None = None) -> Job:
    """A job of which an earlier attempt was killed.

    Args:
        made: the job.
        whole: the folder of the same one, which kept its last checkpoints.
        after: the step of the last checkpoint that the earlier attempt wrote; None for all of them.
    """
    shutil.copytree(whole / "checkpoints", made.checkpoints, dirs_exist_ok=True)
    for checkpoint in made.checkpoints.glob("checkpoint-*"):
        if after is not None and int(checkpoint.name.rpartition("-")[2]) > after:
            shutil.rmtree(checkpoint)
    return made


def adding(folder: Path) -> Path:
    """A student that has learned to end its answers, and hardly to add."""
    from dataenvgym_spec.gym.students.trainers.sft import Sft

    sums(folder / "examples.jsonl", 40)
    settings = {"length": {"steps": 25}, "batch_size": 8, "learning_rate": 5e-3}
    blank = untrained(folder / "blank")
    Sft().train(job_in(folder, blank, settings, device_batch=8))
    return folder / "out"


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    (path,) = (folder / "out").glob("*.safetensors")
    tensors: dict[str, Any] = load_file(path)
    return tensors


def same(one: Path, other: Path, tolerance: float = 0.0) -> bool:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    return all(float((first[name] - second[name]).abs().max()) <= tolerance for name in first)
