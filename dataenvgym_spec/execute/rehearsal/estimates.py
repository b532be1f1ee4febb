"""What the real run takes: the memory of its students, and what it costs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from dataenvgym_spec.compile.compiler import Compiled
from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.execute.hardware import Hardware
from dataenvgym_spec.execute.rehearsal.lengths import Lengths
from dataenvgym_spec.execute.rehearsal.memory import Memory, Sizes, memory, sizes_of
from dataenvgym_spec.execute.rehearsal.models import Found
from dataenvgym_spec.execute.rehearsal.stand_ins import WantedModel, replaceable, wanted_model
from dataenvgym_spec.execute.rehearsal.students import NotTiny, real_config
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.gym.make import make
from dataenvgym_spec.language.student import Student
from dataenvgym_spec.questions.cost.estimate import Machine, StageEstimate, estimate
from dataenvgym_spec.questions.cost.spending import latest
from dataenvgym_spec.questions.plan import PlannedStage
from dataenvgym_spec.resolve.arms import Arm
from dataenvgym_spec.results.prices import read_prices
from dataenvgym_spec.setup.hardware.reading import with_profile
from dataenvgym_spec.store.layout import Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentNeeds:
    """What a student takes on a device.

    Attributes:
        name: the model.
        arms: that teach it.
        sizes: of the real model.
        memory: bytes.
        lengths: of its prompts.
        counts: whether its own tokenizer counted them.
        new_tokens: of the longest answer.
        longest: of an example in training.
    """

    name: str
    arms: tuple[str, ...]
    sizes: Sizes
    memory: Memory
    lengths: Lengths
    counts: bool
    new_tokens: int
    longest: int

    def faults(self) -> Iterator[tuple[str, str]]:
        """What does not fit, with a remedy."""
        about = "" if self.counts else "about "
        positions, asked = self.sizes.positions, self.lengths.longest
        if positions is not None and asked + self.new_tokens > positions:
            yield (
                f"the longest prompt has {about}{asked} tokens, and with an answer of "
                f"{self.new_tokens} more it has no room in the {positions} of '{self.name}'",
                "shorten the prompt, ask for fewer few-shot items, or take another student",
            )
        too_long = [one for one in self.lengths.examples if one > self.longest]
        if too_long:
            yield (
                f"{len(too_long)} of {len(self.lengths.examples)} items with their answers have "
                f"more than {self.longest} tokens ({about}{max(too_long)}): examples like them "
                "would be cut or left out in training",
                "raise student.train.max_length, or shorten the prompt",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """What the real run takes.

    Attributes:
        students: each that is not made from scratch.
        stages: what each stage costs, as if none was done.
    """

    students: tuple[StudentNeeds, ...]
    stages: tuple[StageEstimate, ...]


def needs(
    found: Found, student: Student, arms: Sequence[str], lengths: Lengths, *, counts: bool
) -> StudentNeeds | str:
    """What a student takes; in words why that cannot be said.

    Args:
        found: its model.
        student: how it is trained and generates.
        arms: that teach it.
        lengths: of its prompts.
        counts: whether its own tokenizer counted them.
    """
    train, generate = student.train, student.generate
    try:
        sizes = sizes_of(real_config(dict(found.config)), _adapting(train.adapter))
    except (NotTiny, ValueError, TypeError, AttributeError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        return f"the memory of '{found.wanted.name}': {reason}"
    taken = memory(
        sizes,
        train=train,
        generate=generate,
        adapted=train.adapter is not None,
        prompt=lengths.longest,
    )
    return StudentNeeds(
        name=found.wanted.name,
        arms=tuple(arms),
        sizes=sizes,
        memory=taken,
        lengths=lengths,
        counts=counts,
        new_tokens=generate.max_new_tokens,
        longest=train.max_length,
    )


def _adapting(options: dict[str, Any] | None) -> Callable[[Any], Any] | None:
    """What puts a spec's adapter on a model."""
    if options is None:
        return None
    adapter = make(Component.bind("adapter", options, lambda _slot, _name: {}))
    adapt: Callable[[Any], Any] = adapter.adapt
    return adapt


def costs(real: Compiled, layout: Layout) -> tuple[StageEstimate, ...]:
    """What the stages of the real experiments cost, each once, as if none was done.

    Args:
        real: the compiled specs.
        layout: the repository, whose logs and prices are read.
    """
    steps = []
    for stage in real.graph.stages:
        steps.append(
            PlannedStage(
                key=stage.id,
                kind=stage.kind,
                action="run",
                cause="",
                use=stage.uses[0],
                directory=stage.directory,
            )
        )
    history = latest(layout, {stage.kind for stage in real.graph.stages})
    environ = with_profile(layout.root, os.environ)
    machine = Machine(gpus=Hardware.of(environ).gpus)
    circumstances: dict[str, Any] = {}
    for entry in real.graph.entries:
        circumstances |= entry.circumstances
    prices = read_prices(layout.root)
    return estimate(steps, real.graph.by_id(), history, prices, machine, circumstances)


def students(arms: Sequence[Arm]) -> Iterator[tuple[tuple[str, ...], Student, WantedModel | None]]:
    """The students of some arms, each once: its arms, its record, and the model if it exists."""
    alike: dict[str, tuple[list[str], Student, WantedModel | None]] = {}
    for arm in arms:
        wanted = None
        for place in replaceable(arm):
            if place.path == ("student", "model") and "kind" in place.item.rehearsal:
                wanted = wanted_model(arm, place)
        student = arm.experiment.student
        names, _, _ = alike.setdefault(
            canonical(msgspec.to_builtins(student)), ([], student, wanted)
        )
        names.append(arm.name)
    for names, student, wanted in alike.values():
        yield tuple(names), student, wanted
