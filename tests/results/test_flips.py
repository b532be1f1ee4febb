"""What each iteration made right and wrong: against the student before it, over all runs."""

from __future__ import annotations

import shutil
from pathlib import Path

from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.results.flips import Flips, flips
from tests.support.reported import Store

MOVES = {0: {0, 1, 2}, 1: {1, 2, 3, 4}, 2: {3, 4, 5}, 3: {3, 4, 5}}
"""Which of 30 items a student has right, by iteration."""


def learns(item: int, arm: str, seed: int, iteration: int) -> bool:
    right = MOVES[iteration]
    # In the second run one more item is learned in the first iteration, and kept.
    return item in right or (seed == 1 and iteration > 0 and item == 20)


def test_an_iteration_is_compared_with_the_student_before_it(tmp_path: Path) -> None:
    Store(tmp_path, right=learns).write()
    found = [row for row in flips(load("tiny", tmp_path)) if row.arm == "with-state"]
    assert found == [
        Flips(arm="with-state", iteration=1, fixed=2, broken=1, items=30),
        Flips(arm="with-state", iteration=2, fixed=1, broken=2, items=30),
        Flips(arm="with-state", iteration=3, fixed=0, broken=0, items=30),
    ]


def test_over_runs_it_is_a_mean_of_iterations_that_all_have(tmp_path: Path) -> None:
    Store(tmp_path, right=learns, seeds=(0, 1)).write()
    found = [row for row in flips(load("tiny", tmp_path)) if row.arm == "no-state"]
    assert [(row.fixed, row.broken) for row in found] == [(2.5, 1), (1, 2), (0, 0)]
    _, other = load("tiny", tmp_path).of_arm("no-state")
    stage = other.iterations[3].evaluation("selection")
    assert stage is not None
    shutil.rmtree(stage.path)
    found = [row for row in flips(load("tiny", tmp_path)) if row.arm == "no-state"]
    assert [row.iteration for row in found] == [1, 2]
