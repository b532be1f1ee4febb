"""Does a shard of a stage: has a student or a teacher asked a part of what it is asked in all.

The rest of the stage is its own business, which finds the answers; see `kept`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.core.running import current
from dataenvgym_spec.execute.answering import Known, keeper_of, share
from dataenvgym_spec.execute.asked import Asked, base_of, students_of, what_is_asked
from dataenvgym_spec.execute.circumstances import read_circumstances
from dataenvgym_spec.execute.content import read_stage
from dataenvgym_spec.execute.context import Context, say
from dataenvgym_spec.execute.inputs import Inputs
from dataenvgym_spec.execute.run import (
    failures,
    make_room,
    parsed,
    shards_of,
    uses,
    waits,
    working,
)
from dataenvgym_spec.execute.shards.between import turn
from dataenvgym_spec.execute.shards.kept import Answer, Shards
from dataenvgym_spec.execute.shards.part import Part, Shared
from dataenvgym_spec.execute.stopped import stopped
from dataenvgym_spec.execute.table import executor
from dataenvgym_spec.graph.component import Circumstances
from dataenvgym_spec.graph.params import EvaluateParams
from dataenvgym_spec.records.responses import Response
from dataenvgym_spec.setup.hardware.reading import applied
from dataenvgym_spec.store.layout import KEPT, Layout
from dataenvgym_spec.store.locks import held
from dataenvgym_spec.store.scratch import Scratch, scratch


def run_shard(layout: Layout, directory: str, part: Part) -> None:
    """Has the answers of a shard lie where the stage looks for them.

    Args:
        layout: the repository.
        directory: of the stage, whose inputs are done.
        part: the shard.

    Raises:
        MachineFault: what it works with was killed, or another host has taken it over.
        StageError: the stage's files are damaged, it cannot be shared, or its work failed.
        UserError: something it needs is not there.
    """
    content = read_stage(layout, directory)
    run = current(os.environ)
    places = uses(layout, content["key"], run.experiment if run else None)
    title = ": ".join(places[0]) if places else directory
    say(f"== {title}: shard {part.name}")
    if stopped(layout, content):
        say("  nothing to do: the loop has stopped")
        return
    trace = layout.shards(directory) / "failure.txt"
    trace.parent.mkdir(parents=True, exist_ok=True)
    known = read_circumstances(layout, sorted({name for name, _ in places}))
    with (
        held(layout.lock(f"{directory}.{part.name}"), waiting=waits),
        failures(layout, trace),
        applied(layout.root, os.environ),
    ):
        _run(layout, content, part, known)


def _run(layout: Layout, content: dict[str, Any], part: Part, known: Circumstances) -> None:
    stage = parsed(content)
    if not stage.params.divides:
        message = f"'{stage.directory}' cannot be shared by several processes"
        raise StageError(message, help="run: dataenvgym compile")
    inputs = Inputs.of(layout, content, stage)
    shards = shards_of(layout, stage, inputs)
    # A kill between a result and its lock has DVC run the stage again, which adopts the result.
    if shards.has(part) or scratch(layout, stage.directory).finished(stage.id) == inputs.digests:
        say("  it is done: nothing is made again")
        return
    with turn(layout, stage.directory, shards, part) as own:
        if own is not None and (maker := own.is_over()):
            say(f"  nothing to do: {maker} has published the result")
            return
        if own is not None and (maker := own.bring()):
            say(f"  brought from the remote: it was made by {maker}")
            return
        make_room(stage, known)
        # What it writes besides the shard is looked at by nobody.
        with TemporaryDirectory(dir=shards.folder, prefix=f"{part.name}.") as name:
            space = Scratch(path=Path(name), target=Path(name))
            space.begin(stage.ports, inputs.digests)
            kept = replace(shards, folder=shards.folder / f"{part.name}.{KEPT}")
            context = replace(working(layout, stage, inputs, space, known), shards=None, kept=kept)
            with contextlib.closing(context):
                make_shard(context, shards, part)
        if own is not None:
            try:
                own.publish()
            except UserError as error:  # its answers are here, and of use to this clone
                say(f"  other clones do not get it: {error.message}")


def make_shard(context: Context[Any], shards: Shards, part: Part) -> None:
    """Makes the file of a shard.

    Args:
        context: what the stage is handed.
        shards: those of the stage.
        part: which it is.
    """
    clock = time.monotonic()
    prompts, rows = 0, list[Any]()
    if isinstance(context.params, EvaluateParams):
        asked = what_is_asked(context)
        prompts, rows = len(asked.prompts), _answers(context, asked, part)
    else:
        rows = _responses(context, part)
    context.verify()
    total = round(time.monotonic() - clock + context.elsewhere, 3)
    shards.write(
        part,
        rows,
        prompts=prompts,
        facts=context.model_facts(),
        seconds={**context.seconds, "total": total},
    )
    if context.kept is not None:  # it is in the shard
        shutil.rmtree(context.kept.folder, ignore_errors=True)
    say(f"  {len(rows)} answers in {total:.1f} s")


def _answers(context: Context[EvaluateParams], asked: Asked, part: Part) -> list[Answer]:
    """What students answer."""
    answers: list[Answer] = []
    if not asked.prompts:  # a refill that was not needed has no candidates
        return answers
    base = base_of(context)
    keeper = keeper_of(context, asked)
    for student, path in students_of(context).items():
        known = Known(student=student, there={}, keeper=keeper)
        written = share(context, path, base, asked, part, known)
        answers += [(student, place, completion) for place, completion in written.items()]
    return answers


def _responses(context: Context[Any], part: Part) -> list[Response]:
    """What the teacher of an engine answers to the questions that it is asked first."""
    desk = context.desk
    assert desk is not None
    desk.part = part
    try:
        executor("generate")(context)
    except Shared as shared:
        facts = desk.facts()
        context.record(**{name: facts[name] for name in ("device", "gpus") if name in facts})
        return list(desk.find(shared.keys).values())
    return []  # nothing is to be made, or by nobody who is asked
