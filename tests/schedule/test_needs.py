"""What a stage occupies: by its kind, its models and how those are spread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from safetensors.numpy import save_file

from dataenvgym_spec.cli.common import load_project
from dataenvgym_spec.cli.pulling import Pulling
from dataenvgym_spec.cli.queued import Rounds, spread_of
from dataenvgym_spec.emit.write import write
from dataenvgym_spec.execute.run import run_stage
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.graph.params import EvaluateParams, GenerateParams, TrainParams
from dataenvgym_spec.gym.sandboxes.protocol import SandboxLimits
from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.schedule.models import Models
from dataenvgym_spec.schedule.needs import GIB, HEAVY, LIGHT, Spread, needs
from dataenvgym_spec.schedule.protocol import Needs
from dataenvgym_spec.store.layout import Layout
from tests.support.graphs import compiled
from tests.support.repositories import new_repo
from tests.support.specs import SMALL, merged, plain

MANY = 10**9
CHILD = SandboxLimits().memory
"""What a child may take that judges an answer."""
COUNT = 30_000
"""The parameters of the model that lies here."""
COMMIT = "0123456789abcdef0123456789abcdef01234567"
HUB = {"kind": "hub", "id": "lab/large", "revision": COMMIT}


def spec(model: Mapping[str, Any], **train: Any) -> str:
    """The small spec with a student that exists."""
    tree = plain(SMALL)
    tree["student"]["model"] = dict(model)
    return msgspec.json.encode(merged(tree, {"student": {"train": train}})).decode()


def with_model(folder: Path, count: int = COUNT) -> Path:
    """A folder of a model, as far as it is looked at before it is loaded."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    save_file({"weights": np.zeros(count, np.float16)}, folder / "model.safetensors")
    return folder


def of_kind(graph: Graph, kind: str) -> Stage:
    return next(stage for stage in graph.stages if stage.kind == kind)


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return compiled(tmp_path_factory.mktemp("graph"), SMALL)


@pytest.fixture(scope="module")
def large(graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Models:
    """What is known once the student was made, and is that large."""
    layout = Layout(root=tmp_path_factory.mktemp("large"))
    log = Log(started=0.0, seconds={"total": 1.0}, parameters=MANY)
    path = layout.stage(of_kind(graph, "student").directory) / "log" / "run.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(msgspec.json.encode(log))
    return Models(graph.by_id(), layout)


def test_a_student_that_the_run_makes_is_taken_for_small(graph: Graph) -> None:
    unknown = Models(graph.by_id())
    train, data = of_kind(graph, "train"), of_kind(graph, "data")
    spread = Spread(gpus=4, processes=4)
    assert needs(data, spread, unknown) == Needs(memory=LIGHT + CHILD, light=True)
    assert needs(train, Spread(cpus=8), unknown) == Needs(cpus=1, memory=HEAVY)


def test_a_large_student_takes_memory_and_processors(graph: Graph, large: Models) -> None:
    train, evaluate = of_kind(graph, "train"), of_kind(graph, "evaluate")
    assert needs(evaluate, Spread(cpus=8), large) == Needs(
        cpus=8, memory=HEAVY + 4 * MANY + 4 * CHILD
    )
    assert needs(train, Spread(cpus=8, processes=2), large) == Needs(
        cpus=8, memory=2 * (HEAVY + 16 * MANY)
    )
    assert needs(evaluate, Spread(cpus=8, threads=3), large).cpus == 3


def test_on_gpus_weights_pass_through_main_memory(graph: Graph, large: Models) -> None:
    train, evaluate = of_kind(graph, "train"), of_kind(graph, "evaluate")
    spread = Spread(cpus=8, gpus=4, processes=4, split=2)
    assert needs(train, spread, large) == Needs(cpus=4, gpus=4, memory=4 * (HEAVY + 4 * MANY))
    assert needs(evaluate, spread, large) == Needs(cpus=1, gpus=2, memory=HEAVY + 4 * MANY + CHILD)


def test_an_adapter_leaves_the_weights_below_as_they_are(graph: Graph, large: Models) -> None:
    train, evaluate = of_kind(graph, "train"), of_kind(graph, "evaluate")
    assert isinstance(train.params, TrainParams) and isinstance(evaluate.params, EvaluateParams)
    half = msgspec.structs.replace(train.params.train, dtype="bfloat16")
    adapter = Component.parse("adapter", {"kind": "lora"})
    params = msgspec.structs.replace(train.params, adapter=adapter, train=half)
    adapted = needs(replace(train, params=params), Spread(cpus=8), large)
    assert adapted.memory == HEAVY + 2 * MANY
    # vLLM beside it has weights of its own, and a cache.
    grpo = Component.parse("trainer", {"kind": "grpo", "sampler": "vllm"})
    sampling = replace(train, params=msgspec.structs.replace(params, method=grpo))
    assert needs(sampling, Spread(cpus=8), large).memory == HEAVY + 4 * MANY + GIB
    generate = msgspec.structs.replace(evaluate.params.generate, dtype="bfloat16")
    backend = Component.parse("backend", {"kind": "vllm"})
    params = msgspec.structs.replace(evaluate.params, generate=generate, backend=backend)
    asked = replace(evaluate, params=params)
    spread = spread_of({"VLLM_CPU_KVCACHE_SPACE": "3", "CUDA_VISIBLE_DEVICES": ""}, 8)
    assert needs(asked, spread, large).memory == HEAVY + 2 * MANY + 3 * GIB + 4 * CHILD
    on_gpu = replace(spread, gpus=1)
    assert needs(asked, on_gpu, large).memory == HEAVY + 2 * MANY + CHILD


def test_what_judges_answers_takes_memory_and_programs_take_processors(
    graph: Graph, large: Models
) -> None:
    check, evaluate = of_kind(graph, "check"), of_kind(graph, "evaluate")
    here = Spread(cpus=8)
    assert needs(check, here, large) == Needs(memory=LIGHT + CHILD, light=True)

    def executing(stage: Stage, **more: Any) -> Stage:
        scorer = Component.parse("scorer", {"kind": "programs", **more})
        return replace(stage, params=msgspec.structs.replace(stage.params, score=scorer))

    light = Needs(cpus=4, memory=LIGHT + 4 * CHILD, light=True)
    assert needs(executing(check), here, large) == light
    assert needs(executing(check), Spread(cpus=2), large).cpus == 2, "no more than there are"
    # Programs may be allowed more than what reads other answers.
    wide = needs(executing(check, memory=2048), here, large)
    assert wide.memory == LIGHT + 4 * 2 * CHILD
    small = Models(graph.by_id())
    assert needs(evaluate, here, small) == Needs(cpus=1, memory=HEAVY + CHILD)
    assert needs(executing(evaluate), here, small) == Needs(cpus=4, memory=HEAVY + 4 * CHILD)
    on_gpu = needs(executing(evaluate), replace(here, gpus=1), large)
    assert (on_gpu.cpus, on_gpu.gpus) == (4, 1)
    # A check executes programs whatever the scorer does.
    calls = Component.parse("check", {"kind": "executes", "memory": 64})
    params = msgspec.structs.replace(check.params, checks=(calls,))
    assert needs(replace(check, params=params), here, large) == light


def asking(graph: Graph, teacher: Mapping[str, Any], files: dict[str, str]) -> Stage:
    """The stage that generates, with a teacher."""
    stage = of_kind(graph, "generate")
    assert isinstance(stage.params, GenerateParams)
    engine = Component.parse("engine", {"kind": "llm", "teacher": dict(teacher)})
    params = msgspec.structs.replace(stage.params, engine=engine)
    base = [item for item in of_kind(graph, "train").inputs if item.slot == "base"]
    return replace(stage, params=params, files=files, inputs=(*stage.inputs, *base))


def test_a_teacher_counts_in_the_stage_that_loads_it(graph: Graph, large: Models) -> None:
    assert large.layout is not None
    with_model(large.layout.root / "models" / "m")
    model = {"kind": "path", "path": "sha256:m"}

    def taken(teacher: Mapping[str, Any], spread: Spread) -> Needs:
        return needs(asking(graph, teacher, {"sha256:m": "models/m"}), spread, large)

    one = {"kind": "vllm", "model": model, "dtype": "bfloat16"}
    here, on_gpus = Spread(cpus=8), Spread(cpus=8, gpus=2)
    assert taken(one, here) == Needs(memory=HEAVY + 2 * COUNT + GIB)
    assert taken(one, on_gpus) == Needs(gpus=1, memory=HEAVY + 2 * COUNT)
    served = {**one, "kind": "vllm-server", "dtype": "float32"}
    assert taken(served, here) == Needs(memory=HEAVY + 4 * COUNT + GIB)
    absent = {**one, "model": {"kind": "path", "path": "sha256:absent"}}
    assert taken(absent, here) == Needs(cpus=8), "nobody knows, and nothing is made up"
    itself = {"kind": "student", "which": "base", "backend": "vllm", "dtype": "bfloat16"}
    assert taken(itself, here) == Needs(cpus=8, memory=HEAVY + 2 * MANY + GIB)
    assert taken({"kind": "openai", "model": "m"}, here) == Needs(memory=LIGHT, light=True)


def test_a_folder_tells_its_size_before_anything_has_run(tmp_path: Path) -> None:
    """And afterwards the log of the stage that has found it does."""
    repo = new_repo(tmp_path / "repo", spec({"kind": "path", "path": "base"}))
    base = with_model(repo / "specs" / "base")
    project = load_project((), root=repo)
    graph, layout = project.compiled.graph, project.layout
    student, train = of_kind(graph, "student"), of_kind(graph, "train")
    at_first = Models(graph.by_id(), layout)
    expected = Needs(memory=HEAVY + 16 * COUNT)
    assert needs(train, Spread(cpus=8), at_first) == expected
    assert needs(student, Spread(cpus=8, gpus=4), at_first) == Needs(memory=LIGHT, light=True)

    write(graph, layout, everything=True)
    run_stage(layout, student.directory)
    (base / "model.safetensors").unlink()
    assert needs(train, Spread(cpus=8), Models(graph.by_id(), layout)) == expected

    # A run goes by it too.
    rounds = Rounds(
        project=project,
        spread=Spread(cpus=8),
        gpus=0,
        variables={},
        pulling=Pulling(False),
        ignore_limits=False,
    )
    works = rounds.next(graph.entries).works
    assert {work.id: work.needs for work in works}[train.directory] == expected
    # When machines with GPUs have come, what is not done yet goes there.
    rounds.spread = Spread(cpus=8, gpus=2, processes=2)
    renewed = rounds.renewed(works)
    assert [work.id for work in renewed] == [work.id for work in works]
    for before, after in zip(works, renewed, strict=True):
        assert replace(after, needs=before.needs) == before
        trains = after.id == train.directory
        assert after.needs.gpus == (2 if trains else int("evaluate-" in after.id)), after.id


def test_the_cache_of_the_hub_tells_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    graph = compiled(tmp_path, spec(HUB))
    train = of_kind(graph, "train")

    def taken() -> Needs:
        models = Models(graph.by_id(), Layout(root=tmp_path))
        return needs(train, Spread(cpus=8), models)

    assert taken() == Needs(cpus=8), "before it is fetched nobody knows its size"
    with_model(tmp_path / "hub" / "models--lab--large" / "snapshots" / COMMIT)
    assert taken() == Needs(memory=HEAVY + 16 * COUNT)
