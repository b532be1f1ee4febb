"""The specs of the benchmarks say what the language allows."""

import importlib
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from dataenvgym_spec.core.hashing import digest
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.records.responses import Response
from dataenvgym_spec.store.journal import Journal
from tests.support.made_up import make_up
from tests.support.repositories import ROOT, call, new_repo


def test_the_specs_of_the_real_model_compile(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo")
    specs = repo / "specs"
    shutil.copytree(ROOT / "benchmarks" / "real", specs, dirs_exist_ok=True)
    (specs / "tiny.yaml").unlink()
    rows = [
        {"question": f"What is {n} + 1?", "answer": f"#### {n + 1}", "topic": "gsm8k"}
        for n in range(1319)
    ]
    (specs / "gsm8k.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    model = tmp_path / "models" / "gemma"
    model.mkdir(parents=True)
    config = {"model_type": "gemma3_text", "hidden_size": 640, "vocab_size": 262144}
    (model / "config.json").write_text(json.dumps(config), encoding="utf-8")
    said = call("dataenvgym", "compile", cwd=repo, DATAENVGYM_ROOTS=f"models={model.parent}")
    assert said.stdout.startswith("deciding, gsm8k, reasoning, teacher: ")


def test_the_benchmark_of_plans_runs() -> None:
    script = str(ROOT / "benchmarks" / "plan.py")
    said = call(sys.executable, script, "2", "2", cwd=ROOT).stdout
    assert "| 3 | 4 |" in said, said


def test_the_benchmark_of_a_sweep_plans_and_carries_out_what_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    schedule = importlib.import_module("schedule")
    spec = importlib.import_module("repositories").sweep("sweep", 2)
    spec["loop"]["iterations"] = 1
    repo = new_repo(tmp_path / "repo")
    (repo / "specs" / "tiny.yaml").unlink()
    (repo / "specs" / "sweep.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    shutil.copytree(ROOT / "specs" / "prompts", repo / "specs" / "prompts", dirs_exist_ok=True)
    monkeypatch.chdir(repo)
    first = schedule.schedule_sweep(repo)
    assert (first["experiments"], first["before"]) == (2, 0)
    made = make_up(repo, schedule.DONE)
    again = schedule.schedule_sweep(repo)
    assert again["before"] == made > 0
    assert again["steps"] == first["steps"] - made > 0


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark of random kills."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("kills")


def test_random_kills_meet_stages_of_every_kind(kills: ModuleType, tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo", kills.SPEC)
    call("dataenvgym", "compile", cwd=repo)
    index = json.loads((repo / "experiments" / "tiny.json").read_text(encoding="utf-8"))
    assert {stage["kind"] for stage in index["stages"]} == set(KINDS)
    salted = {path for path in repo.glob("store/*/stage.json") if '"salt"' in path.read_text()}
    assert {path.parent.name.partition("-")[0] for path in salted} == {"evaluate", "train"}


@pytest.mark.parametrize(
    ("what", "asked", "out", "again", "lost"),
    [
        ("never asked again", 1.0, 2.0, None, False),
        ("out long before the kill", 1.0, 2.0, 11.0, True),
        ("met by the kill as it arrived", 1.0, 9.5, 11.0, False),
        ("never out", 1.0, None, 11.0, False),
        ("again before the kill", 1.0, 2.0, 9.0, True),
        ("asked long after the kill", 12.0, 12.1, 13.0, True),
    ],
)
def test_an_answer_is_asked_for_again_only_if_a_kill_met_it(
    what: str,
    asked: float,
    out: float | None,
    again: float | None,
    lost: bool,
    kills: ModuleType,
    tmp_path: Path,
) -> None:
    bench = kills.Bench(tmp_path, 0)
    rows = [("asked", asked), ("out", out), ("asked", again)]
    lines = [f"{word} {moment} q t\n" for word, moment in rows if moment is not None]
    bench.log.write_text("".join(lines), encoding="utf-8")
    bench.kills.append(10.0)
    cost, faults = bench.asked_twice()
    assert (cost, bool(faults)) == (int(again is not None), lost), (what, faults)


def test_an_answer_that_was_out_is_in_the_journal_after_a_kill(
    kills: ModuleType, tmp_path: Path
) -> None:
    bench, text = kills.Bench(tmp_path, 0), digest("answer", "4")
    bench.log.write_text(f"asked 1.0 q {text}\nout 2.0 q {text}\n", encoding="utf-8")
    bench.look(2.5, "stage")
    assert not bench.faults
    bench.look(3.5, "stage")
    assert bench.faults == ["1 answers are not in the journal after a kill of stage"]
    journal = Journal(tmp_path / "journal" / "journal.sqlite")
    journal.keep([Response(key="k", stage="s", at=2.0, reply={"text": "4"})])
    journal.close()
    bench.faults.clear()
    bench.look(3.5, "stage")
    assert not bench.faults and bench.kept() == {"k": text}
