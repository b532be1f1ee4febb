"""A loop that is taught the rows of a file: its students answer as the file says, right or not."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import patch

from dataenvgym_spec import load
from dataenvgym_spec.execute.run import run_stage
from dataenvgym_spec.store.layout import Layout
from tests.support.repositories import call, environment, new_repo
from tests.support.specs import tiny
from tests.support.training import warm_trainers

EACH = 8
FIELDS = {name: name for name in ("input", "target", "group", "metadata")}
AGENT: dict[str, Any] = {
    "observe": "nothing",
    "policy": {"kind": "even", "power": None, "floor": None},
    "engine": {
        "kind": "from-file",
        "teacher": None,
        "oversample": None,
        "path": "made.jsonl",
        "fields": FIELDS,
    },
}
SPEC = tiny(
    task={
        "sources": {"problems": {"families": {"lcm": None}}},
        "score": {"kind": "exact-match"},
    },
    student={"train": {"length": {"steps": 60}, "learning_rate": 1e-2}},
    agent=AGENT,
    loop={"train_on": "latest", "teach": {"examples": EACH, "refill": 0}},
    arms={"with-state": None, "no-state": None, "static": {}},
    analysis=None,
)


def row(number: int) -> dict[str, Any]:
    """A sum with an answer that none has: 0 in the rows of the first iteration, then 1."""
    expression = f"{20 + number} + 30"
    return {
        "input": f"What is {expression}?",
        "target": str(number // EACH),
        "group": "sum",
        "metadata": {"expression": expression},
    }


def test_each_student_answers_as_the_rows_of_its_iteration_say(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo", SPEC)
    rows = [row(number) for number in range(2 * EACH)]
    lines = "".join(json.dumps(one) + "\n" for one in rows)
    (repo / "specs" / "made.jsonl").write_text(lines, encoding="utf-8")
    call("dataenvgym", "compile", cwd=repo)
    with warm_trainers(repo), patch.dict(os.environ, environment()):
        for stage in load("tiny", root=repo).stages:
            run_stage(Layout(root=repo), stage.path.name)
    (run,) = load("tiny", root=repo).runs
    first, second = run.iterations[1:]
    assert [one.input for one in first.accepted] == [one["input"] for one in rows[:EACH]]
    assert [one.input for one in second.accepted] == [one["input"] for one in rows[EACH:]]
    assert {one.provenance.teacher for one in second.accepted if one.provenance} == {"from-file"}
    assert [turn.training.log.examples for turn in (first, second)] == [EACH, EACH]
    for turn, answer in ((first, "0"), (second, "1")):
        given = Counter(result.prediction for result in turn.results("selection"))
        assert given[answer] > sum(given.values()) / 2, given
