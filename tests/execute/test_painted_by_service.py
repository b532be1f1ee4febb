"""A stage whose images a service paints: compiled with its circumstances, run, killed by a fault, and replayed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.emit.write import write
from dataenvgym_spec.execute import run
from dataenvgym_spec.questions.services import unusable
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import read, read_all, write_json
from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.records.plans import Plan
from dataenvgym_spec.results.ledger import cost_of
from dataenvgym_spec.results.prices import Prices
from dataenvgym_spec.store.layout import Layout
from tests.support.misbehaving import painted, painting, serving, status
from tests.support.repositories import ROOT

PAINTER = {"kind": "image-service", "model": "brush", "provider": "local", "retries": 0}
COUNT = 6


def compiled(folder: Path, **painter: Any) -> tuple[Any, Layout]:
    """The library's spec with one arm, whose pictures a service paints."""
    tree = yaml.safe_load((ROOT / "specs" / "library" / "vqa.yaml").read_text(encoding="utf-8"))
    engine = {
        "kind": "repainted",
        "teacher": "drawer",
        "painter": {**PAINTER, **painter},
        "oversample": 1,
    }
    tree |= {"arms": {"served": {"agent": {"engine": engine}}}, "seeds": {"run": [0]}}
    del tree["analysis"]
    (folder / "specs").mkdir(parents=True, exist_ok=True)
    path = folder / "specs" / "vqa.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    made = lower(front_end([path], root=folder))
    return made, Layout(root=folder)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Layout, str]]:
    monkeypatch.setenv("DATAENVGYM_JOURNAL", str(tmp_path / "journal"))

    def made(name: str = "repo", **painter: Any) -> tuple[Layout, str]:
        compilation, layout = compiled(tmp_path / name, **painter)
        graph = compilation.graph
        write(graph, layout, everything=True)
        found = next(one for one in graph.stages if one.kind == "generate")
        for item in found.inputs:
            port = layout.stage(graph.by_id()[item.stage].directory) / "out" / item.port
            port.mkdir(parents=True)
            plan = Plan(allocation={"colour": COUNT}, reasons={}, iteration=1, errors={})
            if item.slot == "plan":
                write_json(port / "plan.json", plan)
        return layout, found.directory

    return made


def made_in(layout: Layout, directory: str) -> tuple[list[Example], list[Path], Log]:
    """The candidates of a stage, the files of their images, and its log."""
    folder = layout.stage(directory)
    port = folder / "out" / "candidates"
    rows = read_all(port / "examples.jsonl", Example)
    return rows, sorted((port / "media").iterdir()), read(folder / "log" / "run.json", Log)


def test_images_of_a_service_become_those_of_examples(
    stage: Callable[..., tuple[Layout, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    layout, directory = stage(requests_per_minute=6000, quality="low")
    other = painting([{"b64_json": "bm8gaW1hZ2U="}], input_tokens=4, output_tokens=9)
    with serving({"*": [painting(input_tokens=4, output_tokens=9), other]}) as service:
        monkeypatch.setenv("DATAENVGYM_LOCAL_URL", service.address)
        run.run_stage(layout, directory)
        asked = len(service.requests)
    rows, files, log = made_in(layout, directory)
    # Of the descriptions, some are equal, and one was answered with what is no image.
    assert 2 <= len(rows) < COUNT and asked <= COUNT
    for row in rows:
        (picture,) = row.images
        content = (files[0].parents[1] / picture.file).read_bytes()
        assert content == painted(row.verifier["image"])
    assert len(files) == len({row.images[0].digest for row in rows}) == asked - 1
    assert log.made == {"descriptions that were not painted": COUNT - len(rows)}
    assert log.teachers is not None
    used = log.teachers["brush"]
    assert (used.kind, used.finishes) == ("image-service", {"invalid": 1, "stop": asked - 1})
    assert log.tokens == {"prompt": 8, "generated": 18}
    # An answer that is no image is paid for, too.
    assert used.images == {"1024x1024 low": asked}
    prices = Prices(images={"brush": {"low": 0.5}})
    cost = cost_of("generate", log, prices)
    assert (cost.images, cost.usd) == (asked, pytest.approx(0.5 * asked))


def test_a_fault_loses_nothing_that_was_paid_for(
    stage: Callable[..., tuple[Layout, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    layout, directory = stage(concurrency=1)
    with serving({"*": [painting(), painting(), status(500)]}) as service:
        monkeypatch.setenv("DATAENVGYM_LOCAL_URL", service.address)
        with pytest.raises(StageError, match="500"):
            run.run_stage(layout, directory)
        run.run_stage(layout, directory)
        assert set(service.given.values()) == {1}
    rows, files, _ = made_in(layout, directory)
    assert len(rows) == COUNT

    # Without the service and its images, whose files lie in what another clone has pulled.
    monkeypatch.setenv("DATAENVGYM_REPLAY", "1")
    again, directory = stage("clone", concurrency=1)
    shutil.rmtree(layout.root.parent / "journal" / "images")
    with pytest.raises(StageError, match="not in the journal: the answer of 'brush' to 'image"):
        run.run_stage(again, directory)
    shutil.copytree(files[0].parent, again.store / "generate-pulled" / "out" / "p" / "media")
    run.run_stage(again, directory)
    assert made_in(again, directory)[0] == rows


def test_what_is_missing_to_ask_it_is_told_before_anything_runs(tmp_path: Path) -> None:
    made, _ = compiled(tmp_path, key_env="MY_KEY")
    found = unusable(made.specs, made.graph.stages, {})
    asked = "the painter 'image-service' cannot be asked: the"
    assert {(one.code, one.message) for one in found} == {
        ("E211", f"{asked} address of 'local' is not known: DATAENVGYM_LOCAL_URL is not set"),
        ("E211", f"{asked} key of 'local' is missing: the variable MY_KEY is not set"),
    }
    environ = {"DATAENVGYM_LOCAL_URL": "http://127.0.0.1:1/v1", "MY_KEY": "k"}
    assert unusable(made.specs, made.graph.stages, environ) == ()
