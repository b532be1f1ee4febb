"""The noise floor: salted copies of the evaluation and of the training of one student.

A copy does what the student's own stage does, under a salt; so it is made of that stage, once all
loops stand, and moves no key of theirs. Nothing reads copies but the report.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import msgspec

from dataenvgym_spec.graph.ir import Input, Stage, Use
from dataenvgym_spec.records.experiment import Copies, Copy
from dataenvgym_spec.resolve.arms import Arm, Resolved

OWN: Final = Copy(of="student")


def copies_of(resolved: Resolved) -> Copies | None:
    """The copies that a spec asks for, with what it leaves out filled in; None if it does not."""
    noise = resolved.base.noise
    if noise is None:
        return None
    named = {arm.name: arm for arm in resolved.arms}
    arm = resolved.arms[0] if noise.of is None else named[noise.of]
    iteration = lasting(arm) if noise.iteration is None else noise.iteration
    return Copies(
        arm=arm.name,
        seed=resolved.base.seeds.runs()[0],
        iteration=iteration,
        split=noise.split,
        reevaluate=noise.reevaluate,
        retrain=noise.retrain,
    )


def lasting(arm: Arm) -> int:
    """The last iteration of an arm that takes place in any case.

    The first gate stands before the iteration after the one that could be the last.
    """
    loop = arm.experiment.loop
    if loop.stop is None:
        return loop.iterations
    return min(loop.iterations, loop.stop.patience + 1)


def copied(stages: Sequence[Stage], copies: Copies | None) -> tuple[Stage, ...]:
    """The copies of a student's stages.

    Args:
        stages: of all arms, before equal ones are shared.
        copies: which there are to be.
    """
    return () if copies is None else tuple(_copied(stages, copies))


def _copied(stages: Sequence[Stage], copies: Copies) -> Iterator[Stage]:
    own = _evaluation(stages, copies, "selection")
    what = f"evaluate iteration {copies.iteration} on {copies.split}"
    if copies.split == "test":
        own = _on_test(own, _evaluation(stages, copies, "test"), what)
        yield own
    for number in range(1, copies.reevaluate + 1):
        copy = Copy(of="reevaluate", number=number)
        yield _salted(own, copy, f"{what} again {number}")
    for number in range(1, copies.retrain + 1):
        copy = Copy(of="retrain", number=number)
        training = _training(stages, copies)
        again = _salted(training, copy, f"train iteration {copies.iteration} again {number}")
        yield again
        inputs = tuple(_of_student(item, again.id) for item in own.inputs)
        yield _standing(own, copy, f"{what} trained again {number}", inputs=inputs)


def _evaluation(stages: Sequence[Stage], copies: Copies, split: str) -> Stage:
    """The evaluation of the student on selection; on test, that of the untaught one."""
    number = copies.iteration if split == "selection" else 0
    for stage in stages:
        (use,) = stage.uses
        here = (use.arm, use.seed, use.iteration) == (copies.arm, copies.seed, number)
        if here and _is_own(use) and getattr(stage.params, "splits", None) == (split,):
            return stage
    raise AssertionError(f"an arm without an evaluation on {split}")


def _training(stages: Sequence[Stage], copies: Copies) -> Stage:
    place = (copies.arm, copies.seed, copies.iteration)
    for stage in stages:
        (use,) = stage.uses
        if stage.kind == "train" and (use.arm, use.seed, use.iteration) == place:
            return stage
    raise AssertionError("an iteration without a training")


def _is_own(use: Use) -> bool:
    """Whether it is of the loop itself, on the splits of the task and with the student's prompt."""
    return use.baseline is None and use.probe is None and use.each is None


def _on_test(own: Stage, untaught: Stage, what: str) -> Stage:
    """The student's evaluation with the sealed test in place of selection."""
    (items,) = (item for item in untaught.inputs if item.slot == "items")
    inputs = tuple(items if item.slot == "items" else item for item in own.inputs)
    params = msgspec.structs.replace(own.params, splits=("test",))
    return _standing(replace(own, params=params), OWN, what, inputs=inputs)


def _of_student(item: Input, training: str) -> Input:
    """An input, of another student where it is one."""
    return replace(item, stage=training) if item.slot == "student" else item


def _salted(stage: Stage, copy: Copy, what: str) -> Stage:
    params = msgspec.structs.replace(stage.params, salt=copy.number)
    return _standing(replace(stage, params=params), copy, what)


def _standing(
    stage: Stage, copy: Copy, what: str, *, inputs: tuple[Input, ...] | None = None
) -> Stage:
    """A stage of the noise floor: it stands outside of the loop."""
    (use,) = stage.uses
    mine = replace(use, iteration=None, copy=copy, what=what)
    name = f"{use.experiment}/{use.arm}/{use.seed}/noise/{what.replace(' ', '-')}"
    return replace(stage, id=name, uses=(mine,), inputs=stage.inputs if inputs is None else inputs)
