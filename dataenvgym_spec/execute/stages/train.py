"""Trains the next student, from the base or from the one before, on accepted examples.

Itself imports no model: the trainer is a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
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
from dataenvgym_spec.execute.training.listed import Listed, Shelf
from dataenvgym_spec.execute.training.replay import again
from dataenvgym_spec.graph.params import Replay, TrainParams
from dataenvgym_spec.gym.students.trainers.protocol import TrainingSettings
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import each, read_table
from dataenvgym_spec.records.plans import Yield
from dataenvgym_spec.store.atomic import link_tree

EXAMPLES: Final = "examples.jsonl"


def train(context: Context[TrainParams]) -> None:
    """Writes the student.

    Raises:
        StageError: there is nothing to train on.
    """
    params = context.params
    settings = TrainingSettings.parse(params.plain["train"])
    # Examples are read one after the other: there may be a million.
    accepted: Iterable[Example] = context.each("accepted", EXAMPLES, Example)
    if _chooses(params):
        shelf = Shelf([port.path / EXAMPLES for port in context.ports("accepted")])
        chosen, settings = _chosen(context, shelf, settings)
        # A copy learns them in another order, whoever trains it.
        accepted = shelf.taken(shuffled(chosen, params.salt))
    if _nothing_new(context):
        (previous,) = context.ports("previous")
        link_tree(previous.path, context.out_folder / "student")
        context.record(stayed=True)
        context.say("  no new example, so the student of the iteration before stays")
        return
    examples = context.work / EXAMPLES
    judged = params.score is not None
    count = write_examples(examples, accepted, prompts_of(context), judged=judged)
    if not count:
        raise StageError(
            "no example was accepted, so there is nothing to train on",
            help="look at the checks' reasons in the rejected port",
        )
    context.say(f"  {count} examples")
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
    rows = (each(port.path / EXAMPLES, Example) for port in ports)
    return next(chain.from_iterable(rows), None) is None


def _beginning(context: Context[TrainParams]) -> tuple[Path, Path | None]:
    """The model that is trained, and the adapter on it that is trained on, if one is."""
    (base,) = context.ports("base")
    if context.params.start is None:
        return context.folder(base), None
    (previous,) = context.ports("previous")
    if context.params.adapter is None:
        return context.folder(previous), None
    return context.folder(base), context.folder(previous)


def _chooses(params: TrainParams) -> bool:
    """Whether some examples are left out, or their order is another one."""
    told = (params.rounds, params.fraction, params.replay, params.salt)
    return any(value is not None for value in told)


def _chosen(
    context: Context[TrainParams], shelf: Shelf, settings: TrainingSettings
) -> tuple[list[Listed], TrainingSettings]:
    """The examples to train on, and how it is done."""
    params = context.params
    if params.rounds is not None:
        accepted = _equal(context, shelf, params.rounds)
    else:
        files = range(len(shelf.files))
        accepted = list(chain.from_iterable(map(shelf.listed, files)))
        if params.fraction is not None:
            if params.equal_steps:
                settings = lasting(settings, _every(context, accepted))
            accepted = _part(context, accepted, params.fraction)
    if params.replay is not None:
        accepted = _replayed(context, params.replay, accepted)
    return accepted, settings


def _every(context: Context[TrainParams], accepted: list[Listed]) -> int:
    """How many examples are taught where no part of them is left out."""
    replay = context.params.replay
    if replay is None:
        return len(accepted)
    old, new = _told_apart(context, replay, accepted)
    return len(old) + len(new)


def _equal(context: Context[TrainParams], shelf: Shelf, rounds: int) -> list[Listed]:
    """As many examples of each iteration as all arms have."""
    params = context.params
    iterations: list[list[Listed]] = []
    for number in range(len(shelf.files)):
        if number % rounds == 0:
            iterations.append([])
        iterations[-1] += shelf.listed(number)
    others = [read_table(port.path / "yield.json", Yield) for port in context.ports("others")]
    equal = common(iterations, others, params.yields)
    set_aside = len(iterations[-1]) - len(equal[-1])
    context.record(set_aside=set_aside)
    if set_aside:
        context.say(f"  {set_aside} accepted examples left out: another arm has fewer")
    return [example for examples in equal for example in examples]


def _replayed(
    context: Context[TrainParams], replay: Replay, accepted: list[Listed]
) -> list[Listed]:
    """The examples of the latest iteration, after a part of those of each one before."""
    old, new = _told_apart(context, replay, accepted)
    context.record(replayed=len(old))
    context.say(f"  {len(old)} earlier examples are taught again")
    return [*old, *new]


def _told_apart(
    context: Context[TrainParams], replay: Replay, accepted: list[Listed]
) -> tuple[list[Listed], list[Listed]]:
    """The examples that are taught again, and those that are new."""
    ports = context.ports("accepted")
    before = ports[: len(ports) - replay.latest]
    earlier = {row.id for port in before for row in each(port.path / EXAMPLES, Example)}
    seed = _seed(context.params)
    return again(accepted, earlier, replay.fraction, seed, len(ports))


def _part(context: Context[TrainParams], accepted: list[Listed], fraction: float) -> list[Listed]:
    """A part of the examples of each iteration."""
    kept: list[Listed] = []
    latest = set_aside = 0
    for examples in by_iteration(accepted):
        taught = part(examples, fraction, _seed(context.params))
        kept += taught
        latest, set_aside = len(taught), len(examples) - len(taught)
    context.record(set_aside=set_aside)
    context.say(f"  {latest} of the {latest + set_aside} examples of this iteration are taught")
    return kept
