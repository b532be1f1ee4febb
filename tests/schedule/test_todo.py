"""Plans as a queue: what runs after what, and for whom."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dataenvgym_spec.graph.ir import Graph
from dataenvgym_spec.questions.plan import PlannedStage
from dataenvgym_spec.questions.together import Plans
from dataenvgym_spec.schedule.protocol import Needs, Work
from dataenvgym_spec.schedule.todo import FETCH, queue
from tests.support.graphs import compiled
from tests.support.specs import TINY

TWO = "matrix: {student.train.learning_rate: [1e-3, 2e-3]}\n"


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return compiled(tmp_path_factory.mktemp("graph"), TINY.partition("analysis:")[0] + TWO)


def plans(graph: Graph, action: str = "run", **other: str) -> Plans:
    """All stages of all experiments with one action, or by kind another one."""
    found = {}
    for item in graph.entries:
        steps = []
        for stage in graph.of(item):
            use = next(use for use in stage.uses if use.experiment == item.name)
            step = PlannedStage(
                key=stage.id,
                kind=stage.kind,
                action=action,
                cause="",
                use=use,
                directory=stage.directory,
            )
            steps.append(replace(step, action=other.get(stage.kind, action)))
        report = PlannedStage(key=item.name, kind="report", action="run", cause="")
        found[item.name] = (*steps, report)
    return found


def made(graph: Graph, given: Plans, **more: object) -> dict[str, Work]:
    works = queue(graph, given, seconds={}, needs=lambda _stage: Needs(), **more)
    assert len({work.id for work in works}) == len(works)
    return {work.id: work for work in works}


def test_a_queue_holds_each_stage_once(graph: Graph) -> None:
    works = made(graph, plans(graph))
    assert len(works) == len(graph.stages) + len(graph.entries)
    one, two = (item.name for item in graph.entries)
    for stage in graph.stages:
        work = works[stage.directory]
        assert work.after == {graph.by_id()[read.stage].directory for read in stage.inputs}
        assert work.targets == (f"store/{stage.directory}/dvc.yaml:{stage.kind}",)
        assert set(work.experiments) == {use.experiment for use in stage.uses}
    assert works[f"report-{one}"].experiments == (one,)
    assert works[f"report-{two}"].after == {stage.directory for stage in graph.of(graph.entries[1])}


def test_what_is_there_is_neither_run_nor_waited_for(graph: Graph) -> None:
    works = made(graph, plans(graph, "reuse", train="run"))
    trained = {stage.directory for stage in graph.stages if stage.kind == "train"}
    assert trained <= works.keys()
    assert all(not work.after or name.startswith("report") for name, work in works.items())


def test_what_is_elsewhere_is_fetched_by_one_work(graph: Graph) -> None:
    given = plans(graph, "restore", train="maybe", evaluate="run")
    works = made(graph, given, pull=True)
    fetched = works[FETCH]
    # Not what is below a stage that may run.
    assert all(
        "/data-" in name or "/student-" in name or "/reserve-" in name or "train" not in name
        for name in fetched.targets
    )
    assert len(fetched.targets) > 3 and fetched.pull and not fetched.after
    for stage in graph.stages:
        if stage.kind == "train":
            assert FETCH in works[stage.directory].after
            assert works[stage.directory].pull
        if stage.kind == "evaluate":
            assert not works[stage.directory].pull
    # From DVC's cache each comes by itself.
    assert FETCH not in made(graph, given)
