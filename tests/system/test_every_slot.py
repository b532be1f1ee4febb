"""A package that brings one component of every slot: each is declared, compiled into keys, and really used in a run."""

import io
import json
import os
from pathlib import Path

import pytest
from PIL import Image

from dataenvgym_spec.language.components import FOLDERS
from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.plans import SkillMap
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.track.project import project
from tests.support.packages import PACKAGES, install, path_with
from tests.support.repositories import call, new_repo

SPEC = """\
version: 1
name: counting
task:
  kind: sums
  sources: {frame: {kind: beads, largest: 9}}
  score: {kind: counted, sandbox: {kind: child}}
  splits:
    test: {from: frame, draw: {items: 4}, share: 0.2}
    selection: {from: frame, draw: {items: 4}, share: 0.2}
    feedback: {from: frame, draw: {items: 8}, share: 0.2}
student:
  model: {kind: abacus}
  train:
    method: {kind: drill, momentum: 0.25}
    adapter: {kind: rescaled}
    length: {steps: 3}
    learning_rate: 1e-2
    batch_size: 1
    dtype: float32
  generate: {backend: aloud, dtype: float32, max_new_tokens: 3}
  prompt: {template: "builtin:question"}
teachers: {reader: {kind: canned, sums: 20}}
environment: ladder
skills: {discover: {kind: sizes, large: 9}}
agent:
  policy: {kind: climb}
  engine: {kind: dictation, teacher: reader, largest: 9, painter: {kind: brush, ink: 9}}
  checks: {even: {action: reject}}
loop: {iterations: 2, teach: {examples: 8, refill: 0}}
"""


ROWS = {
    **dict.fromkeys(("test", "selection", "shown", "hidden"), "items.jsonl"),
    **dict.fromkeys(("candidates", "accepted", "rejected"), "examples.jsonl"),
}
"""The file of a port with rows that show images."""


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which the spec was run with the package installed."""
    folder = tmp_path_factory.mktemp("every-slot")
    path = path_with(install(folder / "site", "abacus"))
    repo = new_repo(folder / "repo", SPEC)
    call("dataenvgym", "compile", cwd=repo, PYTHONPATH=path)
    call("dvc", "repro", "counting", cwd=repo, PYTHONPATH=path, timeout=600, apart=True)
    return repo


def test_the_package_has_every_slot_and_imports_the_gym_alone() -> None:
    text = (PACKAGES / "abacus" / "pyproject.toml").read_text(encoding="utf-8")
    assert {slot for slot in FOLDERS if f'"{slot}.' in text} == {*FOLDERS}
    for path in PACKAGES.rglob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if "import" in line and "dataenvgym_spec" in line:
                assert line.startswith("from dataenvgym_spec.gym import "), (path, line)


def test_each_component_is_really_used(counted: Path) -> None:
    results = load("counting", counted)
    stages = {stage.kind: stage for stage in results.stages}
    (run,) = results.runs
    first, second = run.iterations[1:3]

    # source, discovery
    listed = [path.read_text() for path in (counted / "store").glob("data-*/out/*/items.jsonl")]
    items = [json.loads(line) for text in listed for line in text.splitlines()]
    assert len(items) == 16 and {row["group"] for row in items} == {"beads"}
    assert set(stages["skills"].record("skills", "skills.json", SkillMap).skills) == {
        "large",
        "small",
    }

    # model
    config = json.loads((stages["student"].path / "out/student/config.json").read_text())
    assert (config["hidden_size"], config["vocab_size"]) == (16, 15)

    # environment, policy: the rung is carried on, and requests say more than an allocation
    assert [turn.plan.reasons["large"] for turn in (first, second)] == [
        "standing on rung 0",
        "standing on rung 1",
    ]
    assert [request.id for request in second.plan.requests] == [
        "large-0", "large-1", "small-0", "small-1",
    ]  # fmt: skip
    assert {request.brief for request in second.plan.requests} == {"rung 1"}
    (plan,) = second.of("plan")
    state = json.loads((plan.port("state") / "state.json").read_text())
    assert (state["rung"], len(state["history"])) == (2, 2)

    # What is no image is counted, and the files of the others lie beside the items, each once.
    skipped = [stage.log.skipped for stage in results.stages if stage.kind == "data"]
    assert any(counts and counts["images that cannot be read"] > 0 for counts in skipped)
    for path in (counted / "store").glob("*/out/*/media/*"):
        assert path.read_bytes().startswith(b"\x89PNG")
        rows = path.parents[1] / ROWS[path.parents[1].name]
        assert f'"digest":"{path.stem}' in rows.read_text().replace(" ", "")
    ports = {path.parents[1].name for path in (counted / "store").glob("*/out/*/media/*")}
    assert ports == {*ROWS}

    # painter
    painted = {path.read_bytes() for path in (counted / "store").glob("generate-*/out/*/media/*")}
    assert {Image.open(io.BytesIO(file)).getextrema()[0] for file in painted} <= {9, 255} != {255}

    # engine, teacher: what is generated is what the teacher said, and its tokens are counted
    assert len(first.generated) == 2 * 20 and len(second.generated) == 4 * 20
    assert {row.provenance.teacher for row in first.generated} == {"canned"}
    assert first.of("generate")[0].log.tokens == {"prompt": 2 * 9, "generated": 2 * 20}

    # check
    assert first.rejected and {row.reason for row in first.rejected} == {"the sum is odd"}
    assert first.accepted and all(int(row.target) % 2 == 0 for row in first.accepted)

    # trainer, adapter
    trained = first.training
    assert (trained.log.device, trained.log.steps, len(trained.curve())) == ("by hand", 3, 3)
    adapter = json.loads((trained.path / "out/student/adapter_config.json").read_text())
    assert adapter["peft_type"] == "IA3"

    # What is answered and what is made is shown with its images, in the report and in MLflow.
    (row, *_) = stages["evaluate"].rows("test", "results.jsonl", Result)
    assert [one.media for one in row.images] == ["image/png"]
    html = next(counted.glob("**/reports/*/index.html")).read_text(encoding="utf-8")
    assert 'src="data:image/png;base64,' in html
    files = [file for record in project(results).runs for file in record.artifacts]
    images = [file for file in files if file.path.startswith("images/")]
    assert images and all(file.file is not None and file.file.is_file() for file in images)

    # backend, scorer, sandbox
    answers = next(stage for stage in first.of("evaluate") if stage.port("selection").is_dir())
    assert (answers.log.device, answers.log.backend) == ("aloud", "aloud")
    assert len(answers.rows("selection", "results.jsonl", Result)) == 4


def test_what_they_are_is_in_the_keys(counted: Path) -> None:
    content = [json.loads(path.read_text()) for path in (counted / "store").glob("*/stage.json")]
    params = {stage["kind"]: stage["params"] for stage in content}
    assert params["plan"]["environment"] == {"kind": "ladder", "semantics": 1}
    assert params["train"]["train"]["method"] == {"kind": "drill", "momentum": 0.25, "semantics": 1}
    assert params["train"]["train"]["adapter"] == {"kind": "rescaled", "semantics": 1}
    assert params["evaluate"]["generate"]["backend"] == "aloud"
    sandbox = {"kind": "child", "semantics": 1}
    assert params["evaluate"]["score"]["sandbox"] == sandbox
    assert params["generate"]["engine"]["teacher"]["kind"] == "canned"
    assert params["generate"]["engine"]["painter"] == {"kind": "brush", "ink": 9, "semantics": 1}
    # The kind of the task is in none, but what it declares is: its prompt, and what counts.
    assert params["evaluate"]["template"] == "{{ input }}="
    assert params["data"]["form"] == params["generate"]["form"] == []


def test_what_does_not_fit_is_told(counted: Path, tmp_path: Path) -> None:
    """A policy for ladders in a skill list, and an engine that asks for a language model and is given none."""
    path = os.pathsep.join([str(counted.parent / "site"), os.environ.get("PYTHONPATH", "")])
    repo = new_repo(
        tmp_path / "repo", SPEC.replace("environment: ladder", "environment: skill-list")
    )
    said = call("dataenvgym", "validate", cwd=repo, ok=False, PYTHONPATH=path).stderr
    assert "the policy 'climb' does not serve the environment 'skill-list'" in said
    spec = repo / "specs" / "tiny.yaml"
    spec.write_text(
        SPEC.replace("{kind: canned, sums: 20}", "{kind: procedural, source: frame}"),
        encoding="utf-8",
    )
    said = call("dataenvgym", "validate", cwd=repo, ok=False, PYTHONPATH=path).stderr
    assert "E204" in said and "reader" in said
