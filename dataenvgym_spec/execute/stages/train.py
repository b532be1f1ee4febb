"""Trains the next student from the base on accepted examples. Itself imports no model: the trainer is a process of its own."""

from __future__ import annotations

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.training.examples import write_examples
from dataenvgym_spec.execute.training.launch import launch
from dataenvgym_spec.gym.prompt import Prompt
from dataenvgym_spec.records.examples import ITEM_FIELDS
from dataenvgym_spec.records.files import read_rows
from dataenvgym_spec.records.items import Item


def train(context: Context) -> None:
    """Writes the student.

    Raises:
        StageError: there is nothing to train on.
    """
    params = context.params
    rows = [
        row for read in context.ports("accepted") for row in read_rows(read.path / "examples.jsonl")
    ]
    if not rows:
        raise StageError(
            "no example was accepted, so there is nothing to train on",
            help="look at the checks' reasons in the rejected port",
        )
    items = [Item(**{name: row[name] for name in ITEM_FIELDS}) for row in rows]
    examples = context.work / "examples.jsonl"
    write_examples(examples, items, Prompt(params["template"]))
    (base,) = context.ports("base")
    context.say(f"  {len(rows)} examples")
    launch(
        context,
        base=base.path,
        examples=examples,
        train=params["train"],
        seed=params["seed"],
        out=context.out_folder / "student",
    )
