"""Has a student answer: all that a stage asks, or the part of one of several processes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, cast

from dataenvgym_spec.core.machine import gpu_count
from dataenvgym_spec.core.variables import checkpoint_seconds
from dataenvgym_spec.execute.asked import Asked, content_of_base
from dataenvgym_spec.execute.context import Context, devices
from dataenvgym_spec.execute.shards.keeping import MANY, Keeper
from dataenvgym_spec.execute.shards.kept import both
from dataenvgym_spec.execute.shards.part import Part
from dataenvgym_spec.execute.warm.engines import kept_engine
from dataenvgym_spec.graph.params import EvaluateParams
from dataenvgym_spec.gym.students.backends.loading import load_backend
from dataenvgym_spec.gym.students.backends.protocol import (
    Backend,
    Completion,
    Dividing,
    GenerationSettings,
)

Groups = Sequence[Sequence[int]]
"""The places of prompts that are generated side by side, for each of some such groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a student's answers before it is asked, and where it is kept after.

    Attributes:
        student: its iteration, where a choice names it.
        there: what it has answered in other processes, by places.
        keeper: keeps its answers as they come; None where an attempt anew begins at the start.
    """

    student: int | None
    there: Mapping[int, Completion]
    keeper: Keeper | None


def keeper_of(context: Context[EvaluateParams], asked: Asked) -> Keeper | None:
    """Keeps what students answer while a stage goes on, or a shard of one.

    None where a prompt's answer may depend on all that were asked with it: answers of two attempts
    would not be those of one.

    Args:
        context: of the stage.
        asked: what students are asked.
    """
    if context.kept is None or not context.params.divides:
        return None
    period = checkpoint_seconds(os.environ)
    return Keeper(context.kept, len(asked.prompts), context.verify, period=period)


def answered(
    context: Context[EvaluateParams], student: Path, base: Path | None, asked: Asked, known: Known
) -> list[Completion]:
    """What a student writes, in the order of the prompts.

    Args:
        context: of the stage.
        student: its folder.
        base: of the model that it adapts.
        asked: what it is asked.
        known: what it has answered already.
    """
    written = dict(known.there)
    if not written.keys() >= set(range(len(asked.prompts))):
        with _engine(context, student, base, known) as engine:
            written.update(_before(known))
            lists: Iterable[Groups] = ([listed] for listed in asked.batches)
            if written or known.keeper:
                # A prompt is asked beside those that it would have been asked with.
                lists = _groups(context, engine, asked)
            written.update(_generated(context, engine, asked, lists, written, known))
    return [written[place] for place in range(len(asked.prompts))]


def share(
    context: Context[EvaluateParams],
    student: Path,
    base: Path | None,
    asked: Asked,
    part: Part,
    known: Known,
) -> dict[int, Completion]:
    """What a student writes to the prompts of one of several processes, by places.

    Args:
        context: of the stage.
        student: its folder.
        base: of the model that it adapts.
        asked: what it is asked in all.
        part: the process.
        known: what it has answered already.
    """
    with _engine(context, student, base, known, alone=True) as engine:
        lists = cut(_groups(context, engine, asked), part)
        written = dict(_before(known))
        return written | _generated(context, engine, asked, lists, written, known)


def _before(known: Known) -> Mapping[int, Completion]:
    """What a student has answered in an attempt before."""
    return {} if known.keeper is None else known.keeper.of(known.student)


def cut(groups: Iterable[Groups], part: Part) -> list[Groups]:
    """The groups of one of several processes: each gets whole ones, in turn.

    Groups are of prompts of similar length, the shortest first: in turn all get of each length.

    >>> cut([[[4, 2], [0, 1], [3]]], Part(number=1, count=2))
    [[[4, 2], [3]]]

    Args:
        groups: what is generated side by side, in each list that is asked.
        part: the process.
    """
    mine: list[Groups] = []
    before = 0
    for listed in groups:
        # In a salted copy a list may be of one group.
        mine.append(part.of(listed, before))
        before += len(listed)
    return mine


@contextmanager
def _engine(
    context: Context[EvaluateParams],
    student: Path,
    base: Path | None,
    known: Known,
    *,
    alone: bool = False,
) -> Iterator[Backend]:
    """A student that is loaded, with what it runs on in the log.

    Args:
        context: of the stage.
        student: its folder.
        base: of the model that it adapts.
        known: where it is kept what it answers.
        alone: whether others ask the same student at this moment. An engine that is kept serves
            one after the other, and without a GPU it would be the same one for all of them.
    """
    params, files = context.params, context.files
    settings = GenerationSettings.parse(params.plain["generate"])
    with ExitStack() as stack:
        with context.phase("load"):
            holding = kept_engine(
                params.backend,
                settings=settings,
                student=student,
                base=base,
                content=content_of_base(context) if gpu_count() or not alone else None,
                files=files,
            )
            engine = stack.enter_context(holding) or load_backend(
                params.backend, settings=settings, student=student, base=base, files=files
            )
        facts = _facts(context, engine, settings)
        # A part of the answers may be from elsewhere.
        found = context.facts
        context.record(
            **{name: both(found.get(name, value), value) for name, value in facts.items()}
        )
        if known.keeper is not None:
            before = known.keeper.before(facts, context.say)
            if before is not None:
                context.resumed(before)
        yield engine


def _facts(
    context: Context[EvaluateParams], engine: Backend, settings: GenerationSettings
) -> dict[str, Any]:
    """What a student that is loaded runs on, as a log says it."""
    facts = {
        "device": engine.device,
        "precision": settings.dtype,
        "backend": context.params.backend.kind,
        **devices(engine.device),
    }
    threads = getattr(engine, "threads", None)
    if threads is not None:
        facts["threads"] = threads  # of the process that keeps it, not of this one
    gpus = getattr(engine, "gpus", 1)
    if gpus > 1:
        facts["gpus"] = gpus
    return facts


def _groups(
    context: Context[EvaluateParams], engine: Backend, asked: Asked
) -> Iterator[list[list[int]]]:
    """What is generated side by side, in each list that is asked."""
    params = context.params
    for batch in asked.batches:
        if params.backend.divides:
            prompts = [asked.prompts[place] for place in batch]
            groups = cast("Dividing", engine).groups(prompts)
        else:  # nobody promises equal bytes
            groups = in_order(len(batch), params.generate.batch_size)
        yield [[batch[number] for number in group] for group in groups]


def in_order(count: int, size: int) -> list[list[int]]:
    """Numbers from 0 on in groups of a size.

    >>> in_order(5, 2)
    [[0, 1], [2, 3], [4]]
    """
    return [list(range(start, min(start + size, count))) for start in range(0, count, size)]


def _generated(
    context: Context[EvaluateParams],
    engine: Backend,
    asked: Asked,
    lists: Iterable[Groups],
    there: Mapping[int, Completion],
    known: Known,
) -> dict[int, Completion]:
    """What the student writes to prompts, by places: groups in which an answer is missing."""
    written: dict[int, Completion] = {}
    keeper = known.keeper
    with context.phase("generate"):
        for listed in lists:
            wanted = [group for group in listed if not there.keys() >= set(group)]
            for groups in _steps(context, wanted, keeper):
                batch = list(chain.from_iterable(groups))
                answers = _asked(engine, asked, batch)
                written.update(answers)
                if keeper:
                    keeper.add(known.student, answers)
    return written


def _steps(
    context: Context[EvaluateParams], groups: Groups, keeper: Keeper | None
) -> Iterator[Groups]:
    """What is asked at once: all groups, unless answers are kept."""
    if keeper is None:
        return iter([groups] if groups else [])
    return keeper.steps(groups, 1 if context.params.backend.divides else MANY)


def _asked(engine: Backend, asked: Asked, batch: Sequence[int]) -> dict[int, Completion]:
    """What the student writes to the prompts at some places."""
    prompts = [asked.prompts[place] for place in batch]
    if asked.seeds:
        completions = engine.generate(prompts, [asked.seeds[place] for place in batch])
    else:
        completions = engine.generate(prompts)
    return dict(zip(batch, completions, strict=True))
