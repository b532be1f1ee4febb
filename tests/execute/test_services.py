"""A stage that asks a service: what it makes, that no key is written anywhere, and what a missing one does."""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
import yaml

from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.emit.write import write
from dataenvgym_spec.execute import run
from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.records.plans import Plan
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.track import track
from tests.support.misbehaving import Service, answer, body, completion, serving, status
from tests.support.specs import EXACT, SMALL, TEMPLATE, merged, plain
from tests.support.tracked import Store

KEY = "sk-planted/0123456789abcdef"
ROWS = [{"input": f"{n} + {n}", "target": str(2 * n)} for n in range(3)]
EXAMPLES = json.dumps({"examples": [{**ROWS[0], "input": f"What is {KEY}?"}, *ROWS[1:]]})
ECHO = body(json.dumps(completion(EXAMPLES.replace("/", r"\/"))).replace("sk-", r"\u0073k-"))
"""An answer that has the key in it, escaped once and twice."""


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Layout, str]:
    """A stage that has a service write examples, and a plan for it."""
    monkeypatch.setenv("DATAENVGYM_JOURNAL", str(tmp_path / "journal"))
    monkeypatch.setenv("MY_KEY", KEY)
    writer = {
        "kind": "openai",
        "model": "m",
        "provider": "local",
        "key_env": "MY_KEY",
        "retries": 0,
    }
    agent = {"engine": {"kind": "llm", "teacher": "writer", "oversample": None}}
    tree = merged(plain(SMALL.replace(*EXACT)), {"teachers": {"writer": writer}, "agent": agent})
    (tmp_path / "specs" / "prompts").mkdir(parents=True)
    (tmp_path / "specs" / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    path = tmp_path / "specs" / "tiny.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    layout = Layout(root=tmp_path)
    graph = lower(front_end([path], root=tmp_path)).graph
    write(graph, layout, everything=True)
    (made,) = (item for item in graph.stages if item.kind == "generate")
    for item in made.inputs:
        folder = layout.stage(graph.by_id()[item.stage].directory) / "out" / item.port
        folder.mkdir(parents=True)
        if item.slot == "plan":
            write_json(
                folder / "plan.json",
                Plan(allocation={"sum": 3}, reasons={}, iteration=1, errors={}),
            )
    return layout, made.directory


def reach(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAENVGYM_LOCAL_URL", service.address)


def holding(folder: Path, text: str) -> list[Path]:
    """The files that hold a text, whatever of it is escaped."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    parts = [part.encode() for part in text.split("/")]
    return [path for path in files if all(part in path.read_bytes() for part in parts)]


def test_a_stage_makes_examples_of_what_a_service_says(
    stage: tuple[Layout, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    layout, directory = stage
    with serving({"*": [ECHO]}) as service:
        reach(service, monkeypatch)
        run.run_stage(layout, directory)
        assert service.headers[0]["Authorization"] == f"Bearer {KEY}"
        assert len(service.requests) == 1
    candidates = layout.stage(directory) / "out" / "candidates"
    assert holding(candidates, "What is [key]?")
    assert holding(layout.root, KEY) == []
    assert KEY not in "".join(capsys.readouterr())


def test_what_is_tracked_holds_no_key(
    stage: tuple[Layout, str], empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the stage made takes the place of a generation of an experiment that is done otherwise."""
    layout, directory = stage
    with serving({"*": [ECHO]}) as service:
        reach(service, monkeypatch)
        run.run_stage(layout, directory)
    made = Store(layout.root / "done").root
    for target in made.glob("store/generate-*"):
        for name in ("out/candidates", "log"):
            shutil.copytree(layout.stage(directory) / name, target / name, dirs_exist_ok=True)
    shutil.copy(empty_database, made / "mlflow.db")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("DATAENVGYM_TRACK", "1")
    track(Layout(root=made), ["tiny"])
    with sqlite3.connect(made / "mlflow.db") as database:
        tables = "\n".join(database.iterdump())
    assert "'generated'" in tables and KEY not in tables
    assert holding(made / "mlartifacts", "reasons")
    assert holding(layout.root, KEY) == []


def test_a_stage_that_fails_writes_no_key_and_keeps_what_was_answered(
    stage: tuple[Layout, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    layout, directory = stage
    few = json.dumps({"examples": ROWS[:1]})
    with serving(
        {"*": [answer(text=few), status(500, f"Bearer {KEY}".replace("/", r"\/"))]}
    ) as service:
        reach(service, monkeypatch)
        with pytest.raises(StageError, match=r"500, 'Bearer \[key\]'") as caught:
            run.run_stage(layout, directory)
        assert "what was answered is kept" in caught.value.help
        assert len(service.requests) == 2
        # The first answer is in the journal: it is asked for no more.
        service.behaviours["*"] = [answer(text=json.dumps({"examples": ROWS[1:]}))]
        run.run_stage(layout, directory)
        assert len(service.requests) == 3
    assert holding(layout.root, KEY) == []
    assert KEY not in "".join(capsys.readouterr())
    assert KEY not in repr(caught.value)


def test_a_missing_key_is_told_by_its_variable(
    stage: tuple[Layout, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAENVGYM_LOCAL_URL", "http://127.0.0.1:1/v1")
    monkeypatch.delenv("MY_KEY")
    with pytest.raises(StageError, match="the variable MY_KEY is not set") as caught:
        run.run_stage(*stage)
    assert caught.value.help == "export MY_KEY=KEY"
