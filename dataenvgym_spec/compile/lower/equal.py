"""Lets trainings read how much other arms accepted, where arms are taught equal amounts.

It stands apart from the loop of an arm because it is all that one arm reads of another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.graph.ir import Input, Stage
from dataenvgym_spec.graph.params import TrainParams
from dataenvgym_spec.resolve.arms import Arm

SLOT: Final = "others"

Place = tuple[str, int, int | None]
"""An arm, its run seed, and an iteration."""


def equalised(stages: Sequence[Stage], arms: Iterable[Arm]) -> Sequence[Stage]:
    """The stages of all arms, each after those that it reads.

    A training of an arm with equal amounts reads the yields of the others.
    """
    rounds = _rounds(arms)
    if not rounds:
        return stages
    checks: dict[Place, dict[str, Stage]] = {}
    work: dict[str, list[Any]] = {arm: [] for arm in rounds}
    for stage in stages:
        arm, _, _ = _place(stage)
        if stage.kind == "check":
            # The last refill of a plan, which comes last, has the whole yield of it.
            checks.setdefault(_place(stage), {})[_plan(stage)] = stage
        if arm in work:
            work[arm].append(_nameless(stage))
    # By what they do: neither the names of arms nor their order in the spec may enter a key.
    rounds = {arm: rounds[arm] for arm in sorted(rounds, key=lambda arm: canonical(work[arm]))}
    linked = []
    for stage in _by_step(stages):
        reads = stage.kind == "train" and _place(stage)[0] in rounds
        linked.append(_reading(stage, rounds, checks) if reads else stage)
    return linked


def _rounds(arms: Iterable[Arm]) -> dict[str, int]:
    """The arms with equal amounts, and how many ports each has with examples of an iteration."""
    rounds = {}
    for arm in arms:
        loop = arm.experiment.loop
        if loop.teach.equal:
            rounds[arm.name] = len(loop.amounts) * (loop.teach.refill + 1)
    return rounds


def _nameless(stage: Stage) -> list[Any]:
    """What a stage does and reads, without the names of experiment and arm."""
    reads = [[item.slot, item.stage.split("/", 2)[2], item.port] for item in stage.inputs]
    return [stage.kind, stage.plain, reads]


def _place(stage: Stage) -> Place:
    """Where a stage stands, before equal ones are shared."""
    (use,) = stage.uses
    return use.arm, use.seed, use.iteration


def _plan(check: Stage) -> str:
    """The plan whose examples a check judges."""
    (plan,) = (item.stage for item in check.inputs if item.slot == "plan")
    return plan


def _by_step(stages: Sequence[Stage]) -> list[Stage]:
    """Stages in the order of iterations, in each of them the trainings last."""
    steps: dict[str, int] = {}
    for stage in stages:
        own = 2 * (_place(stage)[2] or 0) + (stage.kind == "train")
        steps[stage.id] = max([own, *(steps[item.stage] for item in stage.inputs)])
    return sorted(stages, key=lambda stage: steps[stage.id])


def _reading(stage: Stage, rounds: dict[str, int], checks: dict[Place, dict[str, Stage]]) -> Stage:
    """A training that reads the other arms' yields of the iterations that it trains on."""
    assert isinstance(stage.params, TrainParams)
    arm, seed, last = _place(stage)
    assert last is not None
    taught = sum(item.slot == "accepted" for item in stage.inputs) // rounds[arm]
    others = [name for name in rounds if name != arm]
    reads = []
    for number in range(last - taught + 1, last + 1):
        for other in others:
            for check in checks[other, seed, number].values():
                reads.append(Input(slot=SLOT, stage=check.id, port="yield"))
    yields = tuple(len(checks[other, seed, last]) for other in others)
    several = yields if max(yields) > 1 else None
    params = msgspec.structs.replace(stage.params, rounds=rounds[arm], yields=several)
    return replace(stage, params=params, inputs=(*stage.inputs, *reads))
