"""What a run has spent so far: by logs, by the time of machines, or not known yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.questions.cost.pricing import teachers_of
from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.records.logs import Log, TeacherUse
from dataenvgym_spec.records.progress import PROGRESS, Progress
from dataenvgym_spec.records.record import Record
from dataenvgym_spec.results.prices import Prices, TokenPrice
from dataenvgym_spec.schedule.protocol import LEAST, Needs, Shard, Work
from dataenvgym_spec.schedule.spending import Spending
from dataenvgym_spec.store.layout import Layout
from tests.support.graphs import compiled
from tests.support.specs import SMALL

BEGUN = 1000.0
HOUR = 3600.0
MACHINES = Prices(machine_hour=2.0, gpu_hour=3.0)
Asked = Callable[[Prices], Spending]


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return compiled(tmp_path_factory.mktemp("spec"), SMALL)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(root=tmp_path)


@pytest.fixture
def spending(graph: Graph, layout: Layout) -> Asked:
    return lambda prices: Spending(layout, graph, prices, since=BEGUN)


def stage_of(graph: Graph, kind: str) -> Stage:
    return next(stage for stage in graph.stages if stage.kind == kind)


def work_of(stage: Stage, needs: Needs = LEAST) -> Work:
    return Work(id=stage.directory, targets=(), needs=needs)


def keep(path: Path, record: Record) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, record)


def test_what_runs_costs_the_time_of_its_machines(graph: Graph, spending: Asked) -> None:
    train = stage_of(graph, "train")
    assert spending(MACHINES)(work_of(train), HOUR, last=False) == 2
    two = work_of(train, Needs(gpus=4, machines=2))
    assert spending(MACHINES)(two, HOUR, last=False) == 2 + 8 * 3
    assert spending(Prices())(two, HOUR, last=False) == 0
    report = Work(id="report-tiny", targets=())
    assert spending(MACHINES)(report, HOUR, last=False) == 0


def test_the_time_of_a_shard_is_known_with_its_stage(graph: Graph, spending: Asked) -> None:
    stage = stage_of(graph, "evaluate")
    shard = replace(work_of(stage), id=f"{stage.directory}.1-of-2", shard=Shard(number=1, count=2))
    assert spending(MACHINES)(shard, HOUR, last=False) is None
    assert spending(MACHINES)(shard, HOUR, last=True) == 0
    assert spending(Prices())(shard, HOUR, last=False) == 0


@pytest.mark.parametrize("there", [False, True], ids=["here", "on a node"])
def test_what_was_asked_is_known_where_it_can_be_seen(
    graph: Graph, layout: Layout, spending: Asked, there: bool
) -> None:
    stage = next(stage for stage in graph.stages if teachers_of(stage))
    (teacher,) = teachers_of(stage)
    prices = replace(MACHINES, models={teacher.kind: TokenPrice(prompt=4, generated=8)})
    work = work_of(stage)
    assert spending(MACHINES)(work, HOUR, last=False) == 2, "what it is told has no price"
    assert spending(prices)(work, HOUR, last=False) is None
    assert spending(prices)(work, HOUR, last=True) == 2, "it has failed without a word"

    tokens = {"prompt": 500_000, "generated": 250_000}
    used = TeacherUse(
        kind=teacher.kind, requests=1, tokens=tokens, reused_tokens={}, finishes={}, seconds=1.0
    )
    log = Log(started=BEGUN + 1, seconds={"total": HOUR / 2}, teachers={teacher.kind: used})
    clone = Layout(root=layout.nodes / stage.directory) if there else layout
    keep(clone.scratch(stage.directory) / PROGRESS, Progress(log=log, asked={}))
    assert spending(prices)(work, HOUR, last=False) == pytest.approx(2 + 2 + 1)
    # The log of the result is the last word; one from before the run is none.
    done = layout.stage(stage.directory) / "log" / "run.json"
    keep(done, Log(started=BEGUN - 1, seconds={"total": HOUR}))
    assert spending(prices)(work, HOUR, last=True) == pytest.approx(5)
    keep(done, Log(started=BEGUN, seconds={"total": HOUR}))
    assert spending(prices)(work, HOUR, last=True) == 2
