"""Trains the next student, from the base or from the one before, on accepted examples.

Itself imports no model: the trainer is a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.prompts import prompts_of
from dataenvgym_spec.execute.salting import shuffled
from dataenvgym_spec.execute.training.examples import write_examples
from dataenvgym_spec.execute.training.lasting import lasting
from dataenvgym_spec.execute.training.launch import launch
from dataenvgym_spec.graph.params import TrainParams
from dataenvgym_spec.gym.students.trainers.protocol import TrainingSettings
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import read_table
from dataenvgym_spec.records.plans import Yield
from dataenvgym_spec.results.taught.listed import Listed, Shelf
from dataenvgym_spec.results.taught.taking import Taking, stays, taken, without_a_part
from dataenvgym_spec.store.atomic import link_tree

EXAMPLES: Final = "examples.jsonl"


def train(context: Context[TrainParams]) -> None:
    """Writes the student.

    Raises:
        StageError: there is nothing to train on.
    """
    params = context.params
    settings = TrainingSettings.parse(params.plain["train"])
    taking = Taking.parse(params.plain)
    given = [port.path for port in context.ports("accepted")]
    if stays(taking, given):
        (previous,) = context.ports("previous")
        link_tree(previous.path, context.out_folder / "student")
        context.record(stayed=True)
        context.say("  no new example, so the student of the iteration before stays")
        return
    # Examples are read one after the other: there may be a million.
    accepted: Iterable[Example] = context.each("accepted", EXAMPLES, Example)
    if taking.leaves_out or params.salt is not None:
        shelf = Shelf([path / EXAMPLES for path in given])
        chosen, settings = _chosen(context, taking, shelf, settings)
        # A copy learns them in another order, whoever trains it.
        accepted = shelf.taken(shuffled(chosen, params.salt))
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
        seed=taking.drawn_by,
        out=context.out_folder / "student",
    )


def _beginning(context: Context[TrainParams]) -> tuple[Path, Path | None]:
    """The model that is trained, and the adapter on it that is trained on, if one is."""
    (base,) = context.ports("base")
    if context.params.start is None:
        return context.folder(base), None
    (previous,) = context.ports("previous")
    if context.params.adapter is None:
        return context.folder(previous), None
    return context.folder(base), context.folder(previous)


def _chosen(
    context: Context[TrainParams], taking: Taking, shelf: Shelf, settings: TrainingSettings
) -> tuple[list[Listed], TrainingSettings]:
    """The examples to train on, and how it is done."""
    given = list(map(shelf.listed, range(len(shelf.files))))
    others = [read_table(port.path / "yield.json", Yield) for port in context.ports("others")]
    chosen = taken(taking, given, others)
    if chosen.set_aside is not None:
        context.record(set_aside=chosen.set_aside)
    if taking.rounds is not None:
        if chosen.set_aside:
            context.say(f"  {chosen.set_aside} accepted examples left out: another arm has fewer")
    elif taking.fraction is not None:
        there = chosen.latest + (chosen.set_aside or 0)
        context.say(f"  {chosen.latest} of the {there} examples of this iteration are taught")
        if context.params.equal_steps:
            settings = lasting(settings, without_a_part(taking, given))
    if chosen.replayed is not None:
        context.record(replayed=chosen.replayed)
        context.say(f"  {chosen.replayed} earlier examples are taught again")
    return chosen.examples, settings
