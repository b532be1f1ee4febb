"""Trains the next student from the base on accepted examples.

Itself imports no model: the trainer is a process of its own.
"""

from __future__ import annotations

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.training.examples import write_examples
from dataenvgym_spec.execute.training.launch import launch
from dataenvgym_spec.graph.params import TrainParams
from dataenvgym_spec.gym.prompt import PromptTemplate
from dataenvgym_spec.gym.students.trainers.protocol import TrainingSettings
from dataenvgym_spec.records.examples import Example


def train(context: Context[TrainParams]) -> None:
    """Writes the student.

    Raises:
        StageError: there is nothing to train on.
    """
    params = context.params
    accepted = context.all("accepted", "examples.jsonl", Example)
    if not accepted:
        raise StageError(
            "no example was accepted, so there is nothing to train on",
            help="look at the checks' reasons in the rejected port",
        )
    examples = context.work / "examples.jsonl"
    write_examples(examples, accepted, PromptTemplate(params.template))
    (base,) = context.ports("base")
    context.say(f"  {len(accepted)} examples")
    launch(
        context,
        base=base.path,
        examples=examples,
        trainer=params.method,
        adapter=params.adapter,
        settings=TrainingSettings.parse(params.plain["train"]),
        seed=params.seed,
        out=context.out_folder / "student",
    )
