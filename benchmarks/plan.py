"""How long a plan takes where a skill tree is large.

`python benchmarks/plan.py [SKILLS] [SUBSKILLS]`: three plans of one loop, as DVC runs them but in
this process, which has imported what they need. What other stages give them is made up. The first
plan names half of the subskills, the second shifts amounts, and the third names the other half.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from measure import table

from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.emit.write import write
from dataenvgym_spec.execute.run import run_stage
from dataenvgym_spec.store.layout import Layout

SKILLS, SUBSKILLS, ITEMS, ITERATIONS = 200, 20, 10, 3
"""Skills, subskills of each in the end, items of feedback of each, and plans."""
SPEC = """\
version: 1
name: plans
description: Plans of a large skill tree.
task:
  kind: math
  sources:
    problems: {kind: reasoning-gym, families: {sum: {dataset: chain_sum}}}
  score: {kind: exact-match}
  splits:
    test: {from: problems, draw: {per_group: 6}}
    selection: {from: problems, draw: {per_group: 6}}
    feedback: {from: problems, draw: {per_group: 8}, show: 0.25}
student:
  model:
    kind: scratch
    pretrain:
      {source: problems, examples: {sum: 6}, length: {steps: 6}, learning_rate: 2e-3, batch_size: 2}
  train: {length: {steps: 6}, learning_rate: 1e-3, batch_size: 2, max_length: 64}
  generate: {max_new_tokens: 5}
  prompt: {template: prompt.j2}
teachers:
  writer: {kind: openai, model: made-up}
skills: {discover: {kind: file, path: skills.json}}
agent:
  engine: {kind: llm, teacher: writer}
  checks: {scorable: {action: reject}}
"""


def spec(skills: list[str], each: int) -> str:
    """The spec with all names that a proposer may give."""
    content = yaml.safe_load(SPEC)
    lists = {skill: [f"{skill}, part {number}" for number in range(each)] for skill in skills}
    subskills = {"kind": "listed", "lists": lists}
    content["environment"] = {"kind": "skill-tree", "subskills": subskills}
    policy = {"kind": "alternating", "new_subskills": each // 2, "each": 2, "increase": 1}
    content["agent"] |= {"policy": policy, "observe": {"scores": True, "yield": True, "errors": 2}}
    teach = {"examples": 3 * len(skills) * each, "of": "accepted", "refill": 0}
    content["loop"] = {"iterations": ITERATIONS, "teach": teach}
    return yaml.safe_dump(content)


class Plans:
    """A compiled experiment of which only plans run."""

    def __init__(self, root: Path, skills: list[str], each: int) -> None:
        (root / "prompt.j2").write_text("{{ input }}", encoding="utf-8")
        (root / "skills.json").write_text(json.dumps({"skills": skills}), encoding="utf-8")
        path = root / "plans.yaml"
        path.write_text(spec(skills, each), encoding="utf-8")
        graph = lower(front_end([path], root=root)).graph
        self.layout, self.skills, self.rng = Layout(root=root), skills, random.Random(0)
        write(graph, self.layout, everything=True)
        plans = [stage for stage in graph.stages if stage.kind == "plan"]
        self.directories = [stage.directory for stage in plans]

    def run(self, number: int) -> float:
        """Seconds of a plan."""
        directory = self.directories[number]
        content = json.loads((self.layout.stage(directory) / "stage.json").read_text())
        for slot, key, port in content["inputs"]:
            if slot != "state":
                (stage,) = self.layout.store.glob(f"*-{key[:16]}")
                self._give(slot, stage / "out" / port, number)
        started = time.perf_counter()
        with redirect_stdout(StringIO()):
            run_stage(self.layout, directory)
        return time.perf_counter() - started

    def plan(self, number: int) -> dict[str, Any]:
        """What a plan says."""
        path = self.layout.stage(self.directories[number]) / "out" / "plan" / "plan.json"
        return dict(json.loads(path.read_text()))

    def _give(self, slot: str, folder: Path, number: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if slot == "skills":
            items = {item: skill for skill in self.skills for item in self._items(skill)}
            _write(folder / "skills.json", [{"skills": self.skills, "items": items}])
        elif slot == "yield":
            before = self.plan(number - 1)["requests"]
            _write(folder / "yield.json", [{one["id"]: _accepted(one) for one in before}])
        else:
            rows = [self._row(item, s) for s in self.skills for item in self._items(s)]
            _write(folder / "results.jsonl", rows)

    def _items(self, skill: str) -> list[str]:
        return [f"{skill}-{number}" for number in range(ITEMS)]

    def _row(self, item: str, skill: str) -> dict[str, Any]:
        correct = self.rng.random() < 0.5
        said = {"input": "What is it?", "target": "1", "prediction": "1" if correct else "2"}
        told = {"score": float(correct), "correct": correct}
        return {"id": item, "group": skill, "unparseable": False, "truncated": False} | said | told


def _accepted(request: Mapping[str, Any]) -> dict[str, int]:
    return {"requested": request["count"], "accepted": max(0, request["count"] - 1)}


def _write(path: Path, rows: list[Any]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def main() -> None:
    skills = int(sys.argv[1]) if len(sys.argv) > 1 else SKILLS
    each = int(sys.argv[2]) if len(sys.argv) > 2 else SUBSKILLS
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        plans = Plans(Path(folder), [f"skill {number}" for number in range(skills)], each)
        for number in range(ITERATIONS):
            seconds = plans.run(number)
            asked = len(plans.plan(number)["requests"])
            rows.append([str(number + 1), str(asked), f"{seconds:.2f}", "1.00"])
    print(f"{skills} skills of up to {each} subskills, {ITEMS} items each")
    table(["plan", "subskills asked for", "s", "at most"], rows)


if __name__ == "__main__":
    main()
