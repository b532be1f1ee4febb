"""A model that answers as a teacher in a server: it is loaded once a run, whatever number of stages ask it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.repositories import call, new_repo
from tests.support.specs import tiny
from tests.support.students import conversational

pytestmark = pytest.mark.slow

WRITER = {"kind": "vllm-server", "model": {"kind": "path", "path": "models/writer"}, "dtype": "float32", "max_tokens": 40}  # fmt: skip
SPEC = tiny(
    teachers={"writer": WRITER},
    agent={
        "policy": {
            "kind": "llm",
            "teacher": "writer",
            "corrections": 0,
            "power": None,
            "floor": None,
        }
    },
    arms={"no-state": None},
    analysis=None,
)
"""Two iterations in which a model decides, what it says being no decision: the fallback holds."""


def test_one_server_answers_all_stages_of_a_run(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo", SPEC)
    conversational(repo / "specs" / "models" / "writer", max_positions=8192)
    call("dataenvgym", "compile", cwd=repo)
    call("dataenvgym", "run", "tiny", cwd=repo, apart=True)
    log = (repo / ".dataenvgym" / "engines.log").read_text(encoding="utf-8")
    assert log.count("in a server") == 1, log
    asked = [
        json.loads(line)
        for path in sorted(repo.glob("store/plan-*/log/responses.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert len(asked) == 2, "each plan has asked it"
