"""Plans of several experiments: what they share is counted once."""

import json
from collections import Counter
from pathlib import Path

from tests.support.repositories import call, new_repo
from tests.support.specs import SMALL

SWEEP = "matrix: {student.train.learning_rate: [0.001, 0.002, 0.003]}\n"


def test_a_sweep_is_one_set_with_one_sum(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo", SMALL + SWEEP)
    compiled = json.loads(call("dataenvgym", "compile", "--json", cwd=repo).stdout)
    content = json.loads(call("dataenvgym", "plan", "--json", cwd=repo).stdout)
    first, *_ = names = list(dict.fromkeys(row["experiment"] for row in content["stages"]))
    assert len(names) == 3
    own = [row for row in content["stages"] if row["made_by"] is None]
    assert len({row["key"] for row in own}) == len(own)
    stages = {row["key"] for row in content["stages"] if row["kind"] != "report"}
    assert content["total"]["actions"] == {"run": len(stages) + 3}
    assert len(list((repo / "store").iterdir())) == len(stages), compiled
    assert {row["made_by"] for row in content["stages"]} == {None, first}
    seconds = sum(row["cost"]["seconds"][0] for row in own if row["cost"])
    assert abs(content["total"]["ahead"]["seconds"][0] - seconds) < 1e-3 * seconds

    told = call("dataenvgym", "plan", cwd=repo).stdout
    per_point = Counter(row["experiment"] for row in own)
    shared = len(content["stages"]) // 3 - per_point[names[1]]
    assert f"{first}: {per_point[first]} run\n" in told
    assert f"{names[1]}: {per_point[names[1]]} run, {shared} earlier\n" in told
    assert f"in all 3 experiments: {len(stages) + 3} run\n" in told
    assert told.count(f"  earlier: {shared} stages that '{first}' makes\n") == 2


def test_one_experiment_has_no_total(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo", SMALL)
    told = call("dataenvgym", "plan", cwd=repo).stdout
    assert "in all" not in told
    assert "earlier" not in told
