"""A policy that learns from the skills it picks is warned of where it picks too few."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.compile.compiler import front_end, warnings
from tests.support.components import Install
from tests.support.graphs import findings
from tests.support.specs import tiny

OTHER = {"power": None, "floor": None}
BANDIT = {"kind": "thompson", **OTHER}


def _said(
    folder: Path, iterations: int, policy: dict[str, Any], **more: Any
) -> list[tuple[str, str]]:
    """Code and help of what is found in a spec with two skills."""
    agent = {"policy": policy, **more.pop("agent", {})}
    text = tiny(agent=agent, loop={"iterations": iterations}, **more)
    assert findings(folder, text) == ()
    found = warnings(front_end([folder / "spec.yaml"], root=folder))
    return [(item.code, item.help) for item in found]


@pytest.mark.parametrize(
    ("iterations", "arms", "help"),
    [
        (1, 3, "run at least 2 iterations"),
        (1, 1, "run at least 4 iterations"),
        (2, 1, "raise 'arms_per_step' to at least 2, or run at least 4 iterations"),
        (3, 1, "raise 'arms_per_step' to at least 2, or run at least 4 iterations"),
        (4, 1, None),
        (2, 2, None),
        (2, 9, None),
    ],
)
def test_a_bandit_needs_twice_as_many_picks_as_there_are_skills(
    tmp_path: Path, iterations: int, arms: int, help: str | None
) -> None:
    found = _said(tmp_path, iterations, {**BANDIT, "arms_per_step": arms})
    assert found == ([] if help is None else [("W407", help)])


@pytest.mark.parametrize(
    ("loop", "arms", "help"),
    [
        ({"iterations": 2, "rounds": 2}, 1, None),
        ({"iterations": 1, "rounds": 4}, 1, "run at least 2 iterations"),
        ({"iterations": 2, "rounds": 1}, 1, "raise 'arms_per_step' to at least 2, or run at least 4 iterations"),
        # A loop that stops as soon as it can makes as many iterations as its patience, and one.
        ({"iterations": 9, "stop": {"patience": 3}}, 1, None),
        ({"iterations": 9, "stop": {"patience": 1}}, 1, "raise 'arms_per_step' to at least 2, or raise 'patience' to at least 3"),
        ({"iterations": 3, "stop": {"patience": 1}}, 1, "raise 'arms_per_step' to at least 2, or run at least 4 iterations and raise 'patience' to at least 3"),
        ({"iterations": 9, "rounds": 2, "stop": {"patience": 1}}, 1, None),
    ],
)  # fmt: skip
def test_rounds_count_and_so_does_an_early_stop(
    tmp_path: Path, loop: dict[str, Any], arms: int, help: str | None
) -> None:
    text = tiny(agent={"policy": {**BANDIT, "arms_per_step": arms}}, loop=loop)
    assert findings(tmp_path, text) == ()
    found = warnings(front_end([tmp_path / "spec.yaml"], root=tmp_path))
    assert [item.help for item in found] == ([] if help is None else [help])


def test_picks_before_the_only_training_teach_nothing(tmp_path: Path) -> None:
    text = tiny(agent={"policy": BANDIT}, loop={"iterations": 1, "rounds": 4})
    assert findings(tmp_path, text) == ()
    (found,) = warnings(front_end([tmp_path / "spec.yaml"], root=tmp_path))
    assert found.message == "'thompson' makes all its picks before it sees what any of them brings"


def test_nothing_is_said_where_no_scores_are_seen_or_the_policy_does_not_pick(
    tmp_path: Path,
) -> None:
    for observe in ("nothing", {"scores": False, "yield": True, "errors": 0}):
        said = _said(tmp_path, 1, BANDIT, agent={"observe": observe})
        # What it does not see is another fault than picking too seldom.
        assert [code for code, _ in said] == ([] if observe == "nothing" else ["W408"])
    assert _said(tmp_path, 1, {"kind": "learning-progress", **OTHER}) == []


def test_the_default_counts(tmp_path: Path) -> None:
    assert _said(tmp_path, 1, BANDIT) == [("W407", "run at least 2 iterations")]


def test_the_skills_of_a_file_are_counted_and_those_that_are_yet_to_be_found_are_not(
    install: Install, tmp_path: Path
) -> None:
    rows = [{"q": f"{n} + 1", "a": str(n + 1), "g": ("sum", "lcm")[n % 2]} for n in range(200)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    fields = {"input": "q", "target": "a", "group": "g"}
    listed = {"kind": "jsonl", "path": "rows.jsonl", "fields": fields}
    splits = {
        "feedback": {"from": "listed", "share": 0.5, "draw": {"items": 20, "per_group": None}}
    }
    # The teacher has a third family, which is no skill of the file.
    more = {"families": {"more": {"dataset": "gcd", "config": {}}}}
    task = {"sources": {"listed": listed, "problems": more}, "splits": splits}
    policy = {**BANDIT, "arms_per_step": 1}
    message = "raise 'arms_per_step' to at least 2, or run at least 4 iterations"
    assert ("W407", message) in _said(tmp_path, 3, policy, task=task)
    clusters = {"discover": {"kind": "clusters", "count": 4}}
    message = "raise 'arms_per_step' to at least 3, or run at least 8 iterations"
    assert ("W407", message) in _said(tmp_path, 3, policy, task=task, skills=clusters)
    names = {"skills": ["a", "b", "c"], "items": {}}
    (tmp_path / "skills.json").write_text(json.dumps(names), encoding="utf-8")
    file = {"discover": {"kind": "file", "path": "skills.json"}}
    message = "raise 'arms_per_step' to at least 2, or run at least 6 iterations"
    assert ("W407", message) in _said(tmp_path, 3, policy, task=task, skills=file)
    install("discovery", "found")
    skills = {"discover": {"kind": "found"}}
    found = _said(tmp_path, 3, policy, task=task, skills=skills)
    assert "W407" not in {code for code, _ in found}
