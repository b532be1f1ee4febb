"""Trains the next student, from the base or from the one before, on accepted examples.

Itself imports no model: the trainer is a process of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.prompts import prompts_of
from dataenvgym_spec.execute.salting import salted, shuffled
from dataenvgym_spec.execute.training.equal import common
from dataenvgym_spec.execute.training.examples import write_examples
from dataenvgym_spec.execute.training.fraction import by_iteration, lasting, part
from dataenvgym_spec.execute.training.launch import launch
from dataenvgym_spec.execute.training.replay import again
from dataenvgym_spec.graph.params import Replay, TrainParams
from dataenvgym_spec.gym.students.trainers.protocol import TrainingSettings
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import read_all, read_table
from dataenvgym_spec.records.plans import Yield
from dataenvgym_spec.store.atomic import link_tree

EXAMPLES: Final = "examples.jsonl"


def train(context: Context[TrainParams]) -> None:
    """Writes the student.

    Raises:
        StageError: there is nothing to train on.
    """
    params = context.params
    accepted, settings = _accepted(context)
    if params.replay is not None:
        accepted = _replayed(context, params.replay, accepted)
    if _nothing_new(context):
        (previous,) = context.ports("previous")
        link_tree(previous.path, context.out_folder / "student")
        context.record(stayed=True)
        context.say("  no new example, so the student of the iteration before stays")
        return
    if not accepted:
        raise StageError(
            "no example was accepted, so there is nothing to train on",
            help="look at the checks' reasons in the rejected port",
        )
    examples = context.work / EXAMPLES
    judged = params.score is not None
    # A copy learns them in another order, whoever trains it.
    ordered = shuffled(accepted, params.salt)
    write_examples(examples, ordered, prompts_of(context), judged=judged)
    context.say(f"  {len(accepted)} examples")
    base, start = _beginning(context)
    launch(
        context,
        base=base,
        start=start,
        examples=examples,
        trainer=params.method,
        adapter=params.adapter,
        score=params.score,
        settings=settings,
        seed=_seed(params),
        out=context.out_folder / "student",
    )


def _seed(params: TrainParams) -> int:
    """What all that is drawn here is drawn by."""
    return salted(params.seed, params.salt)


def _nothing_new(context: Context[TrainParams]) -> bool:
    """Whether this iteration brought no example, where it need not bring any."""
    latest = context.params.latest
    if latest is None:
        return False
    ports = context.ports("accepted")[-latest:]
    return not any(read_all(port.path / EXAMPLES, Example) for port in ports)


def _beginning(context: Context[TrainParams]) -> tuple[Path, Path | None]:
    """The model that is trained, and the adapter on it that is trained on, if one is."""
    (base,) = context.ports("base")
    if context.params.start is None:
        return context.folder(base), None
    (previous,) = context.ports("previous")
    if context.params.adapter is None:
        return context.folder(previous), None
    return context.folder(base), context.folder(previous)


def _accepted(context: Context[TrainParams]) -> tuple[list[Example], TrainingSettings]:
    """The examples to train on, and how it is done."""
    params = context.params
    settings = TrainingSettings.parse(params.plain["train"])
    if params.rounds is not None:
        return _equal(context, params.rounds), settings
    accepted = context.all("accepted", EXAMPLES, Example)
    if params.fraction is None:
        return accepted, settings
    if params.equal_steps:
        every = accepted
        if params.replay is not None:
            old, new = _told_apart(context, params.replay, accepted)
            every = [*old, *new]
        settings = lasting(settings, len(every))
    return _part(context, accepted, params.fraction), settings


def _equal(context: Context[TrainParams], rounds: int) -> list[Example]:
    """As many examples of each iteration as all arms have."""
    params = context.params
    ports = context.ports("accepted")
    iterations: list[list[Example]] = []
    for number, port in enumerate(ports):
        if number % rounds == 0:
            iterations.append([])
        iterations[-1] += read_all(port.path / EXAMPLES, Example)
    others = [read_table(port.path / "yield.json", Yield) for port in context.ports("others")]
    equal = common(iterations, others, params.yields)
    set_aside = len(iterations[-1]) - len(equal[-1])
    context.record(set_aside=set_aside)
    if set_aside:
        context.say(f"  {set_aside} accepted examples left out: another arm has fewer")
    return [example for examples in equal for example in examples]


def _replayed(
    context: Context[TrainParams], replay: Replay, accepted: list[Example]
) -> list[Example]:
    """The examples of the latest iteration, after a part of those of each one before."""
    old, new = _told_apart(context, replay, accepted)
    context.record(replayed=len(old))
    context.say(f"  {len(old)} earlier examples are taught again")
    return [*old, *new]


def _told_apart(
    context: Context[TrainParams], replay: Replay, accepted: list[Example]
) -> tuple[list[Example], list[Example]]:
    """The examples that are taught again, and those that are new."""
    ports = context.ports("accepted")
    before = ports[: len(ports) - replay.latest]
    earlier = {row.id for port in before for row in read_all(port.path / EXAMPLES, Example)}
    seed = _seed(context.params)
    return again(accepted, earlier, replay.fraction, seed, len(ports))


def _part(context: Context[TrainParams], accepted: list[Example], fraction: float) -> list[Example]:
    """A part of the examples of each iteration."""
    kept: list[Example] = []
    latest = set_aside = 0
    for examples in by_iteration(accepted):
        taught = part(examples, fraction, _seed(context.params))
        kept += taught
        latest, set_aside = len(taught), len(examples) - len(taught)
    context.record(set_aside=set_aside)
    context.say(f"  {latest} of the {latest + set_aside} examples of this iteration are taught")
    return kept
