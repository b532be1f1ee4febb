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
from dataenvgym_spec.compile.lower.linked import Looped, following, in_order
from dataenvgym_spec.compile.lower.noise import copied, copies_of
from dataenvgym_spec.compile.lower.stages import Builder, Other
from dataenvgym_spec.compile.lower.turn import Setup, Turn
from dataenvgym_spec.graph.component import Circumstances
from dataenvgym_spec.graph.ir import Entry, Graph, Stage
from dataenvgym_spec.resolve.arms import Arm, Resolved


def unroll(resolved: Resolved) -> Graph:
    """The graph of one experiment before sharing."""
    name, seeds = resolved.base.name, resolved.base.seeds.runs()
    loops: dict[tuple[str, int], Looped] = {}
    stages: list[Stage] = []
    for arm in in_order(resolved.arms):
        data, yoke = arm.experiment.data_from, arm.experiment.agent.yoke
        for seed in seeds:
            made = watched = None
            if data is not None:
                made = loops[data.arm, seed]
            elif yoke is not None:
                watched = loops[yoke.arm, following(seeds, seed)].watched()
            loops[arm.name, seed] = one = loop(arm, seed, name, made=made, watched=watched)
            stages += one.build.stages
    linked = tuple(equalised(stages, resolved.arms))
    linked += copied(linked, copies_of(resolved))
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


def loop(
    arm: Arm,
    seed: int,
    experiment: str,
    *,
    made: Looped | None = None,
    watched: Other | None = None,
) -> Looped:
    """The loop of one arm under one run seed, its stages each after those that it reads.

    Args:
        arm: the arm.
        seed: the run seed.
        experiment: its name.
        made: the loop whose data it is taught, if it is another arm's.
        watched: the students that its agent sees, if they are not its own.
    """
    build = Builder(arm, seed, experiment, watched)
    setup = build.setup()
    turn = Turn(number=0, student=setup.base)
    build.evaluate(turn, "selection", setup.splits["selection"])
    build.evaluate(turn, "test", setup.splits["test"])
    build.baselines(turn, setup.splits["test"])
    probes = build.probes(turn)
    turns = [turn]
    for _ in range(arm.experiment.loop.iterations):
        turn = teach(build, turn, setup) if made is None else made.lend(turn, build)
        turn = build.train(turn, setup)
        score = build.evaluate(turn, "selection", setup.splits["selection"])
        turn = replace(turn, scores=(*turn.scores, score))
        turns.append(turn)
    students, choice = tuple(turn.student for turn in turns[1:]), build.select(turn)
    build.sealed(students, choice, setup.splits["test"])
    for name, probe in probes.items():
        build.sealed(students, choice, probe, probe=name)
    if arm.experiment.test is not None:
        build.each(turns[1:], setup.splits["test"])
    build.labels(setup)
    return Looped(build=build, turns=turns)


def teach(build: Builder, turn: Turn, setup: Setup) -> Turn:
    """The next turn, with the examples that its agent got; its rounds see the same student."""
    turn = build.gate(turn)
    seen = build.observe(turn, setup)
    for number, amount in enumerate(build.record.loop.amounts, start=1):
        turn = replace(turn, agent_round=number)
        plan = build.plan(turn, setup, seen, amount)
        made = build.rounds(turn, setup, plan)
        turn = build.after(turn, plan, made)
    return turn
