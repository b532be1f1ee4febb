"""What an executor is handed: the ports that its stage declared, and to a component what its definition declared."""

import errno
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute import run
from dataenvgym_spec.execute.context import Context, PortRead
from dataenvgym_spec.execute.inputs import Inputs
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.graph.keys import identity
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.graph.skill_params import SkillsParams
from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.records.files import read
from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.scratch import Scratch, scratch
from tests.support.components import Install
from tests.support.graphs import compiled
from tests.support.specs import TINY
from tests.support.training import context as training_context


def handed(stage: Stage, graph: Graph, root: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """The context that an executor gets, with ports of all other stages lying in the store."""
    layout, seen = Layout(root=root), []
    for other in graph.stages:
        for port in other.ports:
            (layout.stage(other.directory) / "out" / port).mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(run, "executor", lambda _kind: seen.append)
    inputs = Inputs.of(layout, content_of(stage, graph), stage)
    run.execute(layout, stage, inputs, scratch(layout, stage.directory))
    (context,) = seen
    return context


def _execute(root: Path, stage: Stage, graph: Graph, space: Scratch) -> None:
    inputs = Inputs.of(Layout(root=root), content_of(stage, graph), stage)
    run.execute(Layout(root=root), stage, inputs, space)


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
    layout, space = Layout(root=tmp_path), scratch(Layout(root=tmp_path), stage.directory)
    inputs = Inputs.of(layout, content_of(stage, graph), stage)
    monkeypatch.setattr(run, "executor", lambda _kind: lambda context: context.record(layers=3))
    with pytest.raises(StageError, match="layers"):
        run.execute(layout, stage, inputs, space)
    assert "layers" in (space.path / "failure.txt").read_text(encoding="utf-8")
    assert space.finished(stage.id) is None


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


def logged(context: Context[Any], **facts: Any) -> Log:
    """The log of a stage that ran."""
    context.record(**facts)
    context.write_log(0.0, 1.0)
    return read(context.log / "run.json", Log)


def test_a_log_names_the_processor_and_threads_of_a_model(tmp_path: Path) -> None:
    log = logged(training_context(tmp_path), device="cpu", precision="float32", threads=3)
    assert log.processor and (log.gpu, log.threads) == (None, 3)
    assert logged(training_context(tmp_path), items=4).processor is None


def test_a_log_names_the_package_that_brought_a_component(
    tmp_path: Path, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Any package that is installed here stands for one that brings components.
    item = replace(install("discovery", "clusters"), distribution="pyyaml")
    monkeypatch.setitem(definitions()["discovery"], "clusters", item)
    part = Component(slot="discovery", kind="clusters", version=1)
    context = replace(training_context(tmp_path), params=SkillsParams(discover=part))
    assert "pyyaml" in (logged(context).versions or {})
    assert "pyyaml" not in (logged(training_context(tmp_path)).versions or {})


def test_a_clock_that_is_set_back_does_not_say_what_a_stage_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = compiled(tmp_path, TINY)
    stage = next(stage for stage in graph.stages if stage.kind == "data")
    space = scratch(Layout(root=tmp_path), stage.directory)
    clock = iter([1000.0])
    monkeypatch.setattr(run, "executor", lambda _kind: lambda context: None)
    monkeypatch.setattr(run.time, "time", lambda: next(clock, 10.0))
    monkeypatch.setattr(run.time, "monotonic", lambda: 7.0)
    _execute(tmp_path, stage, graph, space)
    log = json.loads((space.log / "run.json").read_text(encoding="utf-8"))
    assert (log["started"], log["seconds"]["total"]) == (1000.0, 0.0)


def test_a_full_disk_fails_the_stage_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_context: Context[Any]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "items.jsonl")

    graph = compiled(tmp_path, TINY)
    stage = next(stage for stage in graph.stages if stage.kind == "data")
    space = scratch(Layout(root=tmp_path), stage.directory)
    monkeypatch.setattr(run, "executor", lambda _kind: full)
    with pytest.raises(StageError, match="no space left on device") as caught:
        _execute(tmp_path, stage, graph, space)
    assert "free some space" in caught.value.help
