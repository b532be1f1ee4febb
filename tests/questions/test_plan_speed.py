"""`plan` in a repository of two thousand stages: read stage, lock and cache, each once."""

import resource
from pathlib import Path

import pytest

from tests.support.made_up import make_up
from tests.support.repositories import call, new_repo
from tests.support.specs import TINY

LIMIT = 3.0
"""Seconds for one experiment of many; twice as much for one that is nearly all of the repository."""


@pytest.mark.slow
def test_a_plan_in_a_repository_of_two_thousand_stages(tmp_path: Path) -> None:
    base = (
        TINY[: TINY.index("arms:")]
        .replace("iterations: 2", "iterations: 8")
        .replace("examples: 30", "examples: 20")
    )
    repo = new_repo(tmp_path / "repo", base.replace("name: tiny", "name: one"))
    arms = "\n".join(
        f"  a{number}: {{agent: {{policy: {{power: {1 + number / 100}}}}}}}" for number in range(31)
    )
    (repo / "specs" / "many.yaml").write_text(
        f"{base}arms:\n{arms}\n".replace("name: tiny", "name: many"), encoding="utf-8"
    )
    made = make_up(repo)
    assert made >= 2000
    for name, count, limit in (("one", 60, LIMIT), ("many", made - 20, 2 * LIMIT)):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        result = call("dataenvgym", "plan", name, cwd=repo)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"{name}: {seconds:.2f} s of {made} stages\n{result.stdout}")
        reused = int(result.stdout.partition(f"{name}: 1 run, ")[2].partition(" reuse")[0])
        assert reused >= count, result.stdout
        # Processor time: the machine may have other work.
        assert seconds < limit
