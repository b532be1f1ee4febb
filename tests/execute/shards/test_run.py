"""Generation that several processes share: each asks the teacher a part of what it is asked first."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.content import read_stage
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.execute.inputs import Inputs
from dataenvgym_spec.execute.run import parsed
from dataenvgym_spec.execute.shards.kept import Shards
from dataenvgym_spec.execute.shards.part import Part, Shared
from dataenvgym_spec.execute.shards.run import make_shard, run_shard
from dataenvgym_spec.execute.stages.generate import generate
from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.records.plans import Plan
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.scratch import scratch
from tests.support.components import Install
from tests.support.desks import Said, counted, desk, journaled, number, questions
from tests.support.golden import Workshop, component

KEY = "k" * 64
READS = (("plan", "plan", "plan"),)


def context(folder: Path, name: str, counts: Path) -> Context[Any]:
    """What a generation of seven examples is handed, on a machine with a journal of its own."""
    shop = Workshop(folder)
    plan = folder / "plan" / "out" / "plan"
    plan.mkdir(parents=True, exist_ok=True)
    write_json(plan / "plan.json", Plan(allocation={"a": 4, "b": 3}, reasons={}, errors={}))
    shop.outs["plan"] = folder / "plan" / "out"
    teacher = component("teacher", "counting", counts=str(counts))
    params = {
        "observe": "nothing",
        "engine": component("engine", "asking", teacher=teacher),
        "iteration": 1,
        "round": 0,
        "seed": 3,
    }
    made = shop.context(name, "generate", params, READS)
    return replace(made, desk=desk(folder / name, folder / name / "disk"))


def candidates(made: Context[Any]) -> str:
    generate(made)
    made.close()
    path = made.out_folder / "candidates" / "examples.jsonl"
    return path.read_text(encoding="utf-8")


def test_shards_ask_what_one_process_asks(
    install: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    counts = counted(install, monkeypatch, tmp_path)
    whole = candidates(context(tmp_path, "whole", counts))
    asked = counts.stat().st_size
    assert asked == 7

    shards = Shards(folder=tmp_path / "shards", key=KEY, inputs={})
    for turn in (1, 2, 3):
        shard = context(tmp_path, f"shard-{turn}", counts)
        make_shard(shard, shards, Part(number=turn, count=3))
        shard.close()
    assert counts.stat().st_size == 2 * asked, "each question is asked once"
    stage = replace(context(tmp_path, "stage", counts), shards=shards)
    assert candidates(stage) == whole
    assert counts.stat().st_size == 2 * asked, "the stage asks nothing more"
    assert stage.facts["shards"] == 3
    # They count as the stage's own.
    assert stage.desk is not None
    ((_, used),) = stage.desk.used().items()
    assert (used.requests, used.replayed, used.reused) == (7, 7, 0)


def test_what_a_shard_lacks_the_stage_asks_itself(
    install: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    counts = counted(install, monkeypatch, tmp_path)
    whole = candidates(context(tmp_path, "whole", counts))
    shards = Shards(folder=tmp_path / "shards", key=KEY, inputs={})
    shard = context(tmp_path, "shard", counts)
    make_shard(shard, shards, Part(number=2, count=3))
    shard.close()
    before = counts.stat().st_size
    stage = replace(context(tmp_path, "stage", counts), shards=shards)
    assert candidates(stage) == whole
    assert counts.stat().st_size - before == 7 - 2


def test_what_is_done_is_not_shared_again(
    copy_of_finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = Layout(root=copy_of_finished)
    directory = next(path.name for path in layout.store.glob("evaluate-*"))
    content = read_stage(layout, directory)
    digests = Inputs.of(layout, content, parsed(content)).digests
    # It was killed when its result was complete, and before that had a lock.
    space = scratch(layout, directory)
    space.begin((), digests)
    for name in ("out", "log"):
        shutil.copytree(layout.stage(directory) / name, space.path / name, dirs_exist_ok=True)
    space.complete(content["key"], digests)
    run_shard(layout, directory, Part(number=1, count=2))
    assert "it is done: nothing is made again" in capsys.readouterr().out
    assert not layout.shard(directory, "1-of-2").exists()


def test_what_asks_no_model_cannot_be_shared(copy_of_finished: Path) -> None:
    layout = Layout(root=copy_of_finished)
    directory = next(path.name for path in layout.store.glob("data-*"))
    with pytest.raises(StageError, match="cannot be shared by several processes"):
        run_shard(layout, directory, Part(number=1, count=2))
    kept = layout.shards(directory) / "failure.txt"
    assert "cannot be shared" in kept.read_text(encoding="utf-8")


def test_all_answers_to_a_question_come_from_one_process(tmp_path: Path) -> None:
    teacher = Said(number)
    at = desk(tmp_path)
    at.part = Part(number=2, count=2)
    with pytest.raises(Shared) as shared:
        list(journaled(at, teacher).answer(questions(5, samples=3)))
    assert [(ask.id, ask.samples) for ask in teacher.asked] == [("q-1", 3), ("q-3", 3)]
    assert len(at.find(shared.value.keys)) == 6
    # One that is tried again asks nothing that its machine has in the journal.
    at.part = Part(number=2, count=2)
    with pytest.raises(Shared) as again:
        list(journaled(at, teacher).answer(questions(5, samples=3)))
    assert again.value.keys == shared.value.keys
    assert len(teacher.asked) == 2
    at.close()
