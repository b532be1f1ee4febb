"""Lowers resolved arms to stages: the loop of teaching, as the paper's algorithm.

Stages are named by where they stand (`experiment/arm/seed/iteration/what`), one of each kind an
iteration, arm and seed; `share` gives equal ones one key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from dataenvgym_spec.compile.lower.equal import equalised
from dataenvgym_spec.compile.lower.index import index
from dataenvgym_spec.compile.lower.stages import Builder
from dataenvgym_spec.compile.lower.turn import Turn
from dataenvgym_spec.graph.component import Circumstances
from dataenvgym_spec.graph.ir import Entry, Graph, Stage
from dataenvgym_spec.resolve.arms import Arm, Resolved


def unroll(resolved: Resolved) -> Graph:
    """The graph of one experiment before sharing."""
    name = resolved.base.name
    stages: list[Stage] = []
    for arm in resolved.arms:
        for seed in resolved.base.seeds.runs():
            stages += loop(arm, seed, name)
    linked = tuple(equalised(stages, resolved.arms))
    keys = tuple(stage.id for stage in linked)
    entry = Entry(
        name=name, stages=keys, index=index(resolved), circumstances=circumstances(linked)
    )
    return Graph(stages=linked, entries=(entry,))


def circumstances(stages: Iterable[Stage]) -> Circumstances:
    """The options of an experiment's components that change no result.

    Of components that give equal results, those of the first stage hold.
    """
    found: dict[str, Mapping[str, Any]] = {}
    # Stages of a loop share their parameters.
    every = {id(stage.params): stage.params for stage in stages}
    for params in every.values():
        for _, component in params.components():
            for part in component.walk():
                if part.marked("x-circumstance"):
                    found.setdefault(part.identity, part.circumstances())
    return {name: options for name, options in found.items() if options}


def loop(arm: Arm, seed: int, experiment: str) -> list[Stage]:
    """The stages of one arm under one run seed, each after those that it reads."""
    build = Builder(arm, seed, experiment)
    setup = build.setup()
    turn = Turn(number=0, student=setup.base)
    build.evaluate(turn, "selection", setup.splits["selection"])
    build.evaluate(turn, "test", setup.splits["test"])
    build.baselines(turn, setup.splits["test"])
    students = []
    for _ in range(arm.experiment.loop.iterations):
        turn = build.gate(turn)
        seen = build.observe(turn, setup)
        plan = build.plan(turn, setup, seen)
        made = build.rounds(turn, setup, plan)
        turn = build.train(build.after(turn, plan, made), setup)
        score = build.evaluate(turn, "selection", setup.splits["selection"])
        turn = replace(turn, scores=(*turn.scores, score))
        students.append(turn.student)
    build.sealed(tuple(students), build.select(turn), setup.splits["test"])
    return build.stages
