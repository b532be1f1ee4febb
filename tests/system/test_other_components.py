"""Whole specs with the other components: a local model, a JSON-lines source and a LoRA adapter, through DVC."""

import json
import shutil
from itertools import islice
from pathlib import Path

from dataenvgym_spec.gym.tasks.sources.reasoning_gym import ReasoningGym
from dataenvgym_spec.results.experiment import load
from tests.support.repositories import call, new_repo
from tests.support.specs import TINY

FAMILY = {"dataset": "gcd", "config": {"min_numbers": 2, "max_numbers": 2, "max_value": 60}}


def spec() -> str:
    """One arm and one iteration; the test items come from a file, the student from a directory, and it learns an adapter."""
    text = (
        TINY.replace("  no-state: {agent: {observe: nothing}}\n", "")
        .replace("iterations: 2", "iterations: 1")
        .split("analysis:")[0]
    )
    head, rest = text.split("  model:\n")
    text = (
        head + "  model: {kind: path, path: base}\n" + "  train:" + rest.partition("\n  train:")[2]
    )
    text = text.replace(
        "train: {length: {steps: 6}", "train: {adapter: {kind: lora, r: 4}, length: {steps: 6}"
    )
    text = text.replace(
        "  score:",
        "    listed: {kind: jsonl, path: items.jsonl, fields: {input: q, target: a}}\n  score:",
        1,
    )
    text = text.replace(
        "test: {from: problems, draw: {per_group: 6}}", "test: {from: listed, draw: {items: 10}}"
    )
    return text.replace("score: {kind: reasoning-gym}", "score: {kind: exact-match}").replace(
        "prompts/tiny.j2", "'builtin:question'"
    )


def parameters(stage: Path) -> int:
    log = json.loads((stage / "log" / "run.json").read_text(encoding="utf-8"))
    return int(log["parameters"])


def test_a_local_model_a_file_and_an_adapter(finished: Path, tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo", spec())
    made = next(stage for stage in load("tiny", finished).stages if stage.kind == "student").path
    shutil.copytree(made / "out" / "student", repo / "specs" / "base")
    items = {
        item.id: item
        for item in islice(ReasoningGym(families={"gcd": FAMILY}).stream("gcd", 1), 300)
    }.values()
    rows = [json.dumps({"q": item.input, "a": item.target}) for item in items]
    (repo / "specs" / "items.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    call("dataenvgym", "compile", cwd=repo)
    call("dvc", "repro", "tiny", cwd=repo, timeout=600)
    taken = next(stage for stage in load("tiny", repo).stages if stage.kind == "student").path
    # Its files say as many parameters as the model itself did when it was made.
    assert parameters(taken) == parameters(made) > 1000
    (run,) = load("tiny", repo).runs
    assert len(run.sealed("best")) == len(run.sealed("base")) == 10
    student = run.iterations[1].training.path / "out" / "student"
    assert (student / "adapter_config.json").is_file()
    assert not (student / "model.safetensors").exists()
    assert {row.input for row in run.sealed("best")} <= {item.input for item in items}
    assert "Running stage" not in call("dvc", "repro", "tiny", cwd=repo).stdout
