"""Makes the base student: from scratch with a pretraining recipe, or from a model that exists."""

from __future__ import annotations

from itertools import islice
from typing import Any

from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.training.examples import write_examples
from dataenvgym_spec.execute.training.launch import launch
from dataenvgym_spec.graph.params import StudentParams
from dataenvgym_spec.gym.prompt import Prompt
from dataenvgym_spec.records.files import read_rows
from dataenvgym_spec.records.items import Item, in_lane


def student(context: Context[StudentParams]) -> None:
    """Writes a loadable student."""
    params = context.params
    out = context.out_folder / "student"
    model = context.make(params.model)
    if params.template is None:
        with context.phase("fetch"):
            model.fetch(out)
        return
    recipe = model.pretrain
    examples = context.work / "examples.jsonl"
    with context.phase("examples"):
        count = write_examples(examples, _examples(context, recipe), Prompt(params.template))
    blank = context.work / "blank"
    with context.phase("build"):
        texts = [f"{row['prompt']}{row['completion']}" for row in read_rows(examples)]
        parameters = model.build(texts, params.seed, blank)
    context.say(f"  {parameters / 1e6:.2f} million parameters, {count} examples to pretrain on")
    launch(
        context,
        base=blank,
        examples=examples,
        train=_settings(recipe),
        seed=params.seed or 0,
        out=out,
    )
    context.record(parameters=parameters)


def _settings(recipe: dict[str, Any]) -> dict[str, Any]:
    names = ("length", "learning_rate", "batch_size", "warmup_ratio", "weight_decay")
    return {
        **{key: recipe[key] for key in names},
        "schedule": "cosine",
        "max_grad_norm": 1.0,
        "max_length": 1024,
        "dtype": "float32",
    }


def _examples(context: Context[StudentParams], recipe: dict[str, Any]) -> list[Item]:
    """What the base student learns from.

    Drawn from the part of the hash space that no split owns.
    """
    params = context.params
    assert params.splits_seed is not None and params.lane is not None
    drawn: list[Item] = []
    for group, count in sorted(recipe["examples"].items()):
        stream = recipe["source"].stream(group, seed_from("pretrain", params.seed, group))
        seed, lane = params.splits_seed, params.lane
        free = (item for item in stream if in_lane(seed, item.cluster, lane))
        drawn += islice(free, count)
    return drawn
