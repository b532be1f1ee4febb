"""The specs of the benchmarks say what the language allows."""

import json
import shutil
import sys
from pathlib import Path

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
