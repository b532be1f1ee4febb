"""A few examples of the first plan, made in scratch before anyone pays for all of them.

What teachers answer is in the journal as ever; nothing else is kept.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.making import making
from dataenvgym_spec.execute.context import Context, PortRead
from dataenvgym_spec.execute.inputs import Inputs, verified_files
from dataenvgym_spec.execute.run import working
from dataenvgym_spec.execute.table import executor
from dataenvgym_spec.graph.component import Circumstances
from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import read, read_all, write_json
from dataenvgym_spec.records.plans import Plan, Request
from dataenvgym_spec.records.responses import RESPONSES, LoggedResponse
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.scratch import Scratch

PLAN: Final = "plan.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a preview shows.

    Attributes:
        plan: the first plan of the arm.
        requests: what the engine was asked for in its place.
        examples: what it made of that.
        responses: what teachers answered, with the questions.
        made: what became of the engine's calls, in numbers.
    """

    plan: Plan
    requests: tuple[Request, ...]
    examples: tuple[Example, ...]
    responses: tuple[LoggedResponse, ...]
    made: dict[str, int]


def preview(
    layout: Layout, graph: Graph, generate: Stage, circumstances: Circumstances, *, count: int
) -> Preview:
    """Makes the first plan, unless it is there, and a few examples for it.

    Args:
        layout: the repository.
        graph: the experiment, compiled.
        generate: the stage that carries out the plan.
        circumstances: how components run here.
        count: how many examples.

    Raises:
        UserError: what the plan or the engine reads was not made yet.
    """
    maker = _Maker(layout, graph, circumstances)
    (planning,) = (graph.by_id()[item.stage] for item in generate.inputs if item.slot == "plan")
    maker.require((planning, generate), made={planning.id})
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        there = layout.stage(planning.directory) / "out" / "plan" / PLAN
        if not there.is_file():
            context = maker.run(planning, scratch / "plan", {})
            there = context.out("plan", PLAN)
        plan = read(there, Plan)
        requests = few(plan.asked(), count)
        asked = scratch / "asked"
        asked.mkdir()
        write_json(asked / PLAN, msgspec.structs.replace(plan, requests=requests))
        done = maker.run(generate, scratch / "generate", {planning.id: asked})
        return _shown(plan, requests, done)


def few(asked: Sequence[Request], count: int) -> tuple[Request, ...]:
    """As many examples of requests, one of each in turn, in the order of the requests.

    >>> asked = [Request(id="1", count=9, skill="sum"), Request(id="2", count=1, skill="gcd")]
    >>> [request.count for request in few(asked, 5)]
    [4, 1]
    """
    counts = dict.fromkeys((request.id for request in asked), 0)
    left = min(count, sum(request.count for request in asked))
    while left:
        for request in asked:
            if left and counts[request.id] < request.count:
                counts[request.id] += 1
                left -= 1
    cut = (msgspec.structs.replace(request, count=counts[request.id]) for request in asked)
    return tuple(request for request in cut if request.count)


class _Maker:
    """Runs stages in a folder of their own, on results that are in the store."""

    def __init__(self, layout: Layout, graph: Graph, circumstances: Circumstances) -> None:
        self.layout, self.known, self.circumstances = layout, graph.by_id(), circumstances

    def require(self, stages: Sequence[Stage], *, made: set[str]) -> None:
        """Checks that what some stages read is there, but for what is made now.

        Raises:
            UserError: it is not; says what makes it.
        """
        missing: dict[str, None] = {}
        for item in (item for stage in stages for item in stage.inputs):
            directory = self.known[item.stage].directory
            if item.stage in made or (self._port(item.stage, item.port)).is_dir():
                continue
            if not self.layout.stage(directory).is_dir():
                message = f"'store/{directory}', which the first plan needs, was not compiled"
                raise UserError(message, help="run: dataenvgym compile")
            missing[f"store/{directory}/dvc.yaml"] = None
        if missing:
            count = f"{len(missing)} stages have" if len(missing) > 1 else "a stage has"
            message = f"the first plan looks at the base student and the task: {count} yet to run"
            raise UserError(message, help=f"run: {making(self.layout.root, *missing)}")

    def run(self, stage: Stage, folder: Path, places: dict[str, Path]) -> Context[Any]:
        """Executes a stage.

        Args:
            stage: with its key as id.
            folder: where it works.
            places: where the only port of some other stages lies, by their ids.
        """
        ports = []
        for item in stage.inputs:
            path = places.get(item.stage) or self._port(item.stage, item.port)
            ports.append(PortRead(slot=item.slot, port=item.port, path=path, key=item.stage))
        files = verified_files(self.layout, stage.files)
        inputs = Inputs(ports=tuple(ports), files=files, names=stage.files, digests={})
        space = Scratch(path=folder, target=folder)
        for made in (*(space.out / port for port in stage.ports), space.log, space.work):
            made.mkdir(parents=True)
        context = working(self.layout, stage, inputs, space, self.circumstances)
        context.say = _silent
        with contextlib.closing(context):
            executor(stage.kind)(context)
        shutil.rmtree(space.work)
        return context

    def _port(self, stage: str, port: str) -> Path:
        return self.layout.stage(self.known[stage].directory) / "out" / port


def _silent(_text: str) -> None:
    """What a stage says of its work is not what was asked."""


def _shown(plan: Plan, requests: Sequence[Request], done: Context[Any]) -> Preview:
    left = {request.id: request.count for request in requests}
    examples = []
    for example in read_all(done.out("candidates", "examples.jsonl"), Example):
        # An engine may make more than is asked for, so that checks can reject some.
        if left[example.asked_by]:
            left[example.asked_by] -= 1
            examples.append(example)
    log = done.log / RESPONSES
    responses = read_all(log, LoggedResponse) if log.is_file() else []
    return Preview(
        plan=plan,
        requests=tuple(requests),
        examples=tuple(examples),
        responses=tuple(responses),
        made=done.facts.get("made", {}),
    )
