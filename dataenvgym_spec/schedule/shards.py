"""Stages as several works: shards, which ask a model, and the stage, which does the rest.

Which prompts a shard asks is decided where it runs; see `execute.answering`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.graph.params import EvaluateParams, GenerateParams
from dataenvgym_spec.questions.cost.size import answers, units
from dataenvgym_spec.schedule.protocol import Shard, Work
from dataenvgym_spec.setup.hardware.profile import HardwareProfile

SIDE_BY_SIDE: Final = 64
"""What a teacher in a stage answers at once, unless its circumstances say otherwise."""
REST_SECONDS: Final = 2.0
"""What is left to a stage is expected to take: mostly to start it."""


def shard_count(stage: Stage, known: Mapping[str, Stage], profile: HardwareProfile) -> int:
    """How many processes share a stage; 1 where it stays whole.

    Args:
        stage: with its key as id.
        known: all stages, by key.
        profile: what the user says of it.
    """
    params = stage.params
    if isinstance(params, EvaluateParams):
        most, least = profile.evaluation.shards, profile.evaluation.min_batches
        asked, size = units(stage, known), params.generate.batch_size
    elif isinstance(params, GenerateParams):
        most, least = profile.generation.shards, profile.generation.min_batches
        asked, size = units(stage, known) * answers(stage), SIDE_BY_SIDE
    else:
        return 1
    try:
        if most is None or not params.divides:
            return 1
    except UserError:  # whoever runs the stage says what is missing
        return 1
    return max(1, min(most, math.ceil(asked / size) // least))


def shared(work: Work, count: int) -> Iterator[Work]:
    """The work of a stage as those of its shards and of what is left; in their order."""
    if count < 2:
        yield work
        return
    shards = [_shard(work, Shard(number=number + 1, count=count)) for number in range(count)]
    yield from shards
    after = work.after | {shard.id for shard in shards}
    # It has the needs of the whole: what a shard has not done it does itself.
    yield replace(work, after=after, seconds=min(work.seconds, REST_SECONDS))


def _shard(work: Work, shard: Shard) -> Work:
    return replace(
        work,
        id=f"{work.id}.{shard.name}",
        seconds=work.seconds / shard.count,
        title=f"{work.title}, shard {shard.number} of {shard.count}",
        pull=False,
        shard=shard,
    )
