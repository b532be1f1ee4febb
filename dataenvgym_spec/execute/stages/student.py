"""Makes the base student: has the model that the spec names prepare itself, or refers to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dataenvgym_spec.core.chat_template import read_template
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.drawing import held_apart, is_held
from dataenvgym_spec.execute.training.examples import write_examples
from dataenvgym_spec.execute.training.launch import launch
from dataenvgym_spec.graph.params import StudentParams
from dataenvgym_spec.gym.prompt import Prompts, PromptTemplate
from dataenvgym_spec.gym.students.models.protocol import Existing, Model, ModelTools, Pretraining
from dataenvgym_spec.gym.students.trainers.protocol import TrainingSettings
from dataenvgym_spec.gym.students.weights import parameters_in
from dataenvgym_spec.records.items import Item, form_or_usual, in_lane


def student(context: Context[StudentParams]) -> None:
    """Writes a loadable student, or a reference to one that exists."""
    out = context.out_folder / "student"
    model: Model | Existing = context.make(context.params.model)
    if isinstance(model, Existing):
        with context.phase("fetch"):
            found = model.find()
            context.refer(context.params.model, found)
        _note_size(context, found.folder)
        if read_template(found.folder) is not None:
            context.say("  it has a chat template: 'student.prompt' uses it with 'chat: true'")
        return
    tools = ModelTools(
        work=context.work,
        say=context.say,
        phase=context.phase,
        pretraining=_pretraining(context, out),
    )
    facts = model.prepare(out, tools)
    _note_size(context, out)
    context.record(**facts)


def _note_size(context: Context[StudentParams], folder: Path) -> None:
    """Records how large the model is: what later stages need of a machine goes by it."""
    parameters = parameters_in(folder)
    if parameters is not None:
        context.record(parameters=parameters)


def _pretraining(context: Context[StudentParams], out: Path) -> Pretraining | None:
    """What a model may use that learns something before it is taught; None for any other."""
    params = context.params
    if params.template is None:
        return None
    assert params.seed is not None and params.splits_seed is not None and params.lane is not None
    assert params.trainer is not None
    seed, splits_seed, lane = params.seed, params.splits_seed, params.lane
    trainer = params.trainer
    template, held = params.template, held_apart(context, splits_seed)
    form = form_or_usual(params.form)

    def free(item: Item) -> bool:
        inside = in_lane(splits_seed, item.cluster, lane)
        return inside and not is_held(item, held, form)

    def train(base: Path, examples: Sequence[Item], settings: TrainingSettings) -> None:
        path = context.work / "examples.jsonl"
        write_examples(path, examples, Prompts(template))
        launch(
            context,
            base=base,
            examples=path,
            trainer=trainer,
            settings=settings,
            seed=seed,
            out=out,
        )

    return Pretraining(seed=seed, prompt=PromptTemplate(template).render, free=free, train=train)
