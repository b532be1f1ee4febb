"""Makes the base student: from scratch with a pretraining recipe, or from a model that exists."""

from __future__ import annotations

from itertools import islice
from typing import Any

from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.load import located, source
from dataenvgym_spec.execute.training.examples import write_examples
from dataenvgym_spec.execute.training.launch import launch
from dataenvgym_spec.gym.prompt import Prompt
from dataenvgym_spec.language.components import make
from dataenvgym_spec.records.files import read_rows
from dataenvgym_spec.records.items import Item, in_lane


def student(context: Context) -> None:
    """Writes a loadable student."""
    model = context.params["model"]
    out = context.out_folder / "student"
    if model["kind"] != "scratch":
        options = {**model, "path": located(model["path"], context)} if "path" in model else model
        with context.phase("fetch"):
            make("model", options).fetch(out)
        return
    recipe = model["pretrain"]
    examples = context.work / "examples.jsonl"
    with context.phase("examples"):
        count = write_examples(
            examples, _examples(context, recipe), Prompt(context.params["template"])
        )
    blank = context.work / "blank"
    with context.phase("build"):
        texts = [f"{row['prompt']}{row['completion']}" for row in read_rows(examples)]
        parameters = make("model", model).build(texts, context.params["seed"], blank)
    context.say(f"  {parameters / 1e6:.2f} million parameters, {count} examples to pretrain on")
    launch(
        context,
        base=blank,
        examples=examples,
        train=_settings(recipe),
        seed=context.params["seed"],
        out=out,
    )
    context.record(parameters=parameters)


def _settings(recipe: dict[str, Any]) -> dict[str, Any]:
    taken = {
        key: recipe[key]
        for key in ("length", "learning_rate", "batch_size", "warmup_ratio", "weight_decay")
    }
    return {
        **taken,
        "schedule": "cosine",
        "max_grad_norm": 1.0,
        "max_length": 1024,
        "dtype": "float32",
    }


def _examples(context: Context, recipe: dict[str, Any]) -> list[Item]:
    """What the base student learns from: drawn from the part of the hash space that no split owns."""
    made = source(recipe["source"], context)
    found: list[Item] = []
    for group, count in sorted(recipe["examples"].items()):
        stream = made.stream(group, seed_from("pretrain", context.params["seed"], group))
        free = (
            item
            for item in stream
            if in_lane(context.params["splits_seed"], item.cluster, context.params["lane"])
        )
        found += islice(free, count)
    return found
