"""Has a student answer: all that a stage asks, or the part of one of several processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import cast

from dataenvgym_spec.core.machine import gpu_count
from dataenvgym_spec.execute.asked import Asked, content_of_base
from dataenvgym_spec.execute.context import Context
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

Places = Sequence[Sequence[int]]
"""Places of prompts, in the lists in which they are asked."""


def answered(
    context: Context[EvaluateParams],
    student: Path,
    base: Path | None,
    asked: Asked,
    there: Mapping[int, Completion],
) -> list[Completion]:
    """What a student writes, in the order of the prompts.

    Args:
        context: of the stage.
        student: its folder.
        base: of the model that it adapts.
        asked: what it is asked.
        there: what it has answered in other processes, by places.
    """
    written = dict(there)
    if not written.keys() >= set(range(len(asked.prompts))):
        with _engine(context, student, base) as engine:
            places: Places = asked.batches
            if there:
                # A prompt is asked beside those that it would have been asked with.
                groups = _groups(context, engine, asked)
                places = [_missing(listed, there) for listed in groups]
            written.update(_generated(context, engine, asked, places))
    return [written[place] for place in range(len(asked.prompts))]


def share(
    context: Context[EvaluateParams],
    student: Path,
    base: Path | None,
    asked: Asked,
    part: Part,
) -> dict[int, Completion]:
    """What a student writes to the prompts of one of several processes, by places.

    Args:
        context: of the stage.
        student: its folder.
        base: of the model that it adapts.
        asked: what it is asked in all.
        part: the process.
    """
    with _engine(context, student, base, alone=True) as engine:
        places = cut(_groups(context, engine, asked), part)
        return _generated(context, engine, asked, places)


def cut(groups: Iterable[Places], part: Part) -> list[list[int]]:
    """The places of one of several processes: each gets whole groups, in turn.

    Groups are of prompts of similar length, the shortest first: in turn all get of each length.

    >>> cut([[[4, 2], [0, 1], [3]]], Part(number=1, count=2))
    [[4, 2, 3]]

    Args:
        groups: what is generated side by side, in each list that is asked.
        part: the process.
    """
    places: list[list[int]] = []
    before = 0
    for listed in groups:
        # In a salted copy a list may be of one group.
        places.append(list(chain.from_iterable(part.of(listed, before))))
        before += len(listed)
    return places


def _missing(groups: Places, there: Mapping[int, Completion]) -> list[int]:
    """The places of all groups in which one is missing."""
    wanted = [group for group in groups if not there.keys() >= set(group)]
    return list(chain.from_iterable(wanted))


@contextmanager
def _engine(
    context: Context[EvaluateParams], student: Path, base: Path | None, *, alone: bool = False
) -> Iterator[Backend]:
    """A student that is loaded, with what it runs on in the log.

    Args:
        context: of the stage.
        student: its folder.
        base: of the model that it adapts.
        alone: whether others ask the same student at this moment. An engine that is kept serves
            one after the other, and without a GPU it would be the same one for all of them.
    """
    params, files = context.params, context.files
    settings = GenerationSettings.parse(params.plain["generate"])
    with ExitStack() as stack:
        with context.phase("load"):
            kept = None
            if gpu_count() or not alone:
                holding = kept_engine(
                    params.backend,
                    settings=settings,
                    student=student,
                    base=base,
                    content=content_of_base(context),
                    files=files,
                )
                kept = stack.enter_context(holding)
            engine = kept or load_backend(
                params.backend, settings=settings, student=student, base=base, files=files
            )
        context.record(device=engine.device, precision=settings.dtype, backend=params.backend.kind)
        threads = getattr(engine, "threads", None)
        if threads is not None:
            context.record(threads=threads)  # of the process that keeps it, not of this one
        gpus = getattr(engine, "gpus", 1)
        if gpus > 1:
            context.record(gpus=gpus)
        yield engine


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
    context: Context[EvaluateParams], engine: Backend, asked: Asked, places: Places
) -> dict[int, Completion]:
    """What the student writes to prompts, by their places."""
    written: dict[int, Completion] = {}
    with context.phase("generate"):
        for batch in filter(None, places):
            prompts = [asked.prompts[place] for place in batch]
            if asked.seeds:
                completions = engine.generate(prompts, [asked.seeds[place] for place in batch])
            else:
                completions = engine.generate(prompts)
            written.update(zip(batch, completions, strict=True))
    return written
