"""What an executor is handed: the ports that its stage declared, and to a component what its definition declared."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute import run
from dataenvgym_spec.execute.context import Context, PortRead
from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.graph.keys import identity
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.scratch import scratch
from tests.support.graphs import compiled
from tests.support.specs import TINY


def handed(stage: Stage, graph: Graph, root: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """The context that an executor gets, with ports of all other stages lying in the store."""
    layout, seen = Layout(root=root), []
    for other in graph.stages:
        for port in other.ports:
            (layout.stage(other.directory) / "out" / port).mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(run, "executor", lambda _kind: seen.append)
    run.execute(layout, content_of(stage, graph), scratch(layout, stage.directory))
    (context,) = seen
    return context


def content_of(stage: Stage, graph: Graph) -> dict[str, Any]:
    """What `stage.json` says of a stage."""
    directories = {item.stage: graph.by_id()[item.stage].directory for item in stage.inputs}
    return {**identity(stage), "key": stage.id, "reads": directories, "files": stage.files}


def test_a_fact_that_no_log_holds_is_a_failure_with_a_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an installed component may record it."""
    graph = compiled(tmp_path, TINY)
    stage = next(stage for stage in graph.stages if stage.kind == "data")
    space = scratch(Layout(root=tmp_path), stage.directory)
    monkeypatch.setattr(run, "executor", lambda _kind: lambda context: context.record(layers=3))
    with pytest.raises(StageError, match="layers"):
        run.execute(Layout(root=tmp_path), content_of(stage, graph), space)
    assert "layers" in (space.path / "failure.txt").read_text(encoding="utf-8")
    assert not space.adoptable(stage.id)


@pytest.mark.parametrize(
    "kind",
    [
        "data",
        "reserve",
        "student",
        "skills",
        "evaluate",
        "plan",
        "generate",
        "check",
        "train",
        "select",
    ],
)
def test_an_executor_is_handed_the_ports_it_declared(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = compiled(tmp_path, TINY)
    stage = [stage for stage in graph.stages if stage.kind == kind][-1]
    context = handed(stage, graph, tmp_path, monkeypatch)
    assert [(read.slot, read.key, read.port) for read in context.reads] == [
        (item.slot, item.stage, item.port) for item in stage.inputs
    ]
    assert all(
        read.path == tmp_path / "store" / graph.by_id()[read.key].directory / "out" / read.port
        for read in context.reads
    )
    assert {path.name for path in context.out_folder.iterdir()} == set(stage.ports)
    assert {read.slot for read in context.reads} <= set(KINDS[kind].slots)


@pytest.mark.parametrize("kind", ["plan", "generate"])
def test_a_component_is_handed_a_student_only_where_it_is_plugged_in(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = compiled(tmp_path, TINY)
    context = handed(
        next(stage for stage in graph.stages if stage.kind == kind), graph, tmp_path, monkeypatch
    )
    assert context.student() == {}
    weights = [
        PortRead(slot=slot, port="student", path=tmp_path / slot, key="")
        for slot in ("student", "base")
    ]
    assert replace(context, reads=(*context.reads, weights[0])).student() == {
        "student": tmp_path / "student",
        "base": None,
    }
    assert replace(context, reads=(*context.reads, *weights)).student() == {
        "student": tmp_path / "student",
        "base": tmp_path / "base",
    }
