"""The controls of the page on agents: each override is an arm that compiles and is another experiment."""

import json
import re
from pathlib import Path

from tests.support.graphs import compiled
from tests.support.repositories import ROOT
from tests.support.specs import TINY

POOL = ("student:\n", "    pool: {from: problems, draw: {per_group: 40}}\nstudent:\n")
BLIND = "  no-state: {agent: {observe: nothing}}"


def test_every_override_is_an_arm_of_its_own(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "agents.md").read_text(encoding="utf-8").partition("## Controls")[2]
    overrides = re.findall(
        r"^\| ([\w ]+) \| `((?:agent|loop|data_from): .*?)` \|", page, flags=re.M
    )
    assert len(overrides) >= 10
    arms = [f"  {name.replace(' ', '-')}: {{{override}}}" for name, override in overrides]
    text = (
        TINY.replace("analysis:", "seeds: {run: [0, 1]}\nanalysis:")
        .replace(*POOL, 1)
        .replace("score: {kind: reasoning-gym}", "score: {kind: exact-match}")
        .replace(BLIND, "\n".join([BLIND, *arms]))
    )
    rows = [
        {
            "input": f"What is {n} + 1?",
            "target": str(n + 1),
            "group": ["sum", "lcm"][n % 2],
            "metadata": {"expression": f"{n} + 1"},
        }
        for n in range(60)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "made.jsonl").write_text(lines, encoding="utf-8")
    text = text.replace("  blind: {agent: {observe: nothing}}\n", "")
    text = text.partition("analysis:")[0]
    taught = {stage.id for stage in compiled(tmp_path, text).stages if stage.kind == "train"}
    # Two runs of two iterations of each arm, one shot has one; those that look at another student only
    # share their first with the arm that observes.
    assert len(taught) == 2 * (2 * (len(arms) + 1) - 3)
