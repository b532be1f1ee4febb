"""Which evaluations are shared by how many processes, and what their works wait for."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.graph.params import EvaluateParams, GenerateParams, PlanParams
from dataenvgym_spec.questions.plan import PlannedStage
from dataenvgym_spec.schedule.protocol import Needs, Shard, Work
from dataenvgym_spec.schedule.shards import REST_SECONDS, shard_count, shared
from dataenvgym_spec.schedule.todo import queue
from dataenvgym_spec.setup.hardware.profile import (
    EvaluationSpread,
    GenerationSpread,
    HardwareProfile,
)
from tests.support.graphs import compiled
from tests.support.specs import SMALL


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return compiled(tmp_path_factory.mktemp("graph"), SMALL)


def shares(shards: int | None, least: int) -> HardwareProfile:
    return HardwareProfile(evaluation=EvaluationSpread(shards=shards, min_batches=least))


def evaluation(graph: Graph, **generate: object) -> Stage:
    """An evaluation of 8 items, with other settings of generation."""
    stage = next(
        stage
        for stage in graph.stages
        if isinstance(stage.params, EvaluateParams) and stage.params.splits == ("selection",)
    )
    params = stage.params
    assert isinstance(params, EvaluateParams)
    backend = generate.pop("backend", "transformers")
    options = generate.pop("options", {})
    settings = msgspec.structs.replace(params.generate, **generate)
    kind = msgspec.structs.replace(params, generate=settings)
    return replace(
        stage,
        params=msgspec.structs.replace(
            kind, backend=replace(params.backend, kind=str(backend), options=options)
        ),
    )


def test_each_shard_has_some_batches(graph: Graph) -> None:
    known = graph.by_id()
    stage = evaluation(graph, batch_size=1)  # of 8 batches
    counts = []
    for shards, least in ((None, 1), (1, 1), (3, 1), (3, 2), (3, 4), (3, 5), (99, 1)):
        counts.append(shard_count(stage, known, shares(shards, least)))
    assert counts == [1, 1, 3, 3, 2, 1, 8]
    assert shard_count(evaluation(graph, batch_size=3), known, shares(9, 1)) == 3  # fmt: skip


def test_only_what_keeps_its_bytes_is_shared(graph: Graph) -> None:
    known, wanted = graph.by_id(), shares(2, 1)
    assert shard_count(evaluation(graph, batch_size=1, backend="vllm"), known, wanted) == 1
    apart = {"separate_batches": True}
    separate = evaluation(graph, batch_size=1, backend="vllm", options=apart)
    assert shard_count(separate, known, wanted) == 2
    free = evaluation(graph, batch_size=1, backend="vllm", repeatable=False)
    assert shard_count(free, known, wanted) == 2
    assert shard_count(evaluation(graph, batch_size=1, backend="absent"), known, wanted) == 1
    train = next(stage for stage in graph.stages if stage.kind == "train")
    assert shard_count(train, known, wanted) == 1


def test_generation_is_shared_where_a_model_runs_in_it(graph: Graph) -> None:
    stage = next(stage for stage in graph.stages if stage.kind == "generate")
    model = {"kind": "local", "path": "m"}
    known, counts = graph.by_id(), {}
    for plan in graph.stages:
        if isinstance(plan.params, PlanParams):
            params = msgspec.structs.replace(plan.params, amount=640)
            known = {**known, plan.id: replace(plan, params=params)}
    for kind, teacher in {
        "vllm": {"kind": "vllm", "model": model},
        "student": {"kind": "student", "student": "latest"},
        "openai": {"kind": "openai", "model": "m"},
        "procedural": {"kind": "procedural", "source": {"kind": "jsonl"}},
    }.items():
        params = stage.params
        assert isinstance(params, GenerateParams)
        engine = Component.parse("engine", {"kind": "llm", "teacher": teacher})
        asking = replace(stage, params=msgspec.structs.replace(params, engine=engine))
        profile = HardwareProfile(generation=GenerationSpread(shards=3, min_batches=1))
        counts[kind] = shard_count(asking, known, profile)
    assert counts == {"vllm": 3, "student": 3, "openai": 1, "procedural": 1}


def test_a_stage_waits_for_its_shards() -> None:
    work = Work(
        id="evaluate-1",
        targets=("store/evaluate-1/dvc.yaml:evaluate",),
        after=frozenset({"train-1"}),
        needs=Needs(cpus=2, gpus=1),
        seconds=90.0,
        title="t",
        experiments=("a",),
        pull=True,
    )
    assert list(shared(work, 1)) == [work]
    first, second, rest = shared(work, 2)
    assert (first.id, second.id, rest.id) == ("evaluate-1.1-of-2", "evaluate-1.2-of-2", work.id)
    assert first.shard == Shard(number=1, count=2) and rest.shard is None
    assert first.after == work.after and rest.after == work.after | {first.id, second.id}
    assert first.needs == rest.needs == work.needs and first.targets == work.targets
    assert (first.seconds, rest.seconds) == (45.0, REST_SECONDS)
    assert first.title == "t, shard 1 of 2" and not first.pull and rest.pull


@pytest.mark.parametrize(("action", "count"), [("run", 2), ("maybe", 2), ("restore", 0)])
def test_what_is_restored_is_not_shared(graph: Graph, action: str, count: int) -> None:
    (item,) = graph.entries
    steps = []
    for stage in graph.of(item):
        use = stage.uses[0]
        steps.append(
            PlannedStage(
                key=stage.id,
                kind=stage.kind,
                action=action,
                cause="",
                use=use,
                directory=stage.directory,
            )
        )
    report = PlannedStage(key=item.name, kind="report", action="run", cause="")
    works = queue(
        graph,
        {item.name: (*steps, report)},
        seconds={},
        needs=lambda _stage: Needs(),
        shards=lambda stage: 2 if stage.kind == "evaluate" else 1,
    )
    evaluations = {stage.directory for stage in graph.stages if stage.kind == "evaluate"}
    found = [work for work in works if work.shard is not None]
    assert len(found) == count * len(evaluations)
    by_id = {work.id: work for work in works}
    assert all(work.after <= by_id.keys() for work in works)
