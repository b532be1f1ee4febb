"""The ready study and its null, as `make study` runs them: the one finds what is there, the other nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec import load
from dataenvgym_spec.results.noise import noise_floor
from tests.support.learning import with_library
from tests.support.repositories import call


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which both have run."""
    repo = with_library(tmp_path_factory.mktemp("study") / "repo")
    for name in ("study", "null"):
        call("dataenvgym", "run", f"specs/library/{name}.yaml", cwd=repo, timeout=7200)
    return repo


def reported(repo: Path, name: str) -> dict[str, Any]:
    """The contrasts of a report as plain data."""
    text = load(name, root=repo).layout.report(name).joinpath("metrics.json").read_text("utf-8")
    contrasts: dict[str, Any] = json.loads(text)["contrasts"]
    return contrasts


@pytest.mark.slow
def test_the_study_finds_what_it_was_made_for(shelf: Path) -> None:
    (primary,) = [row for row in reported(shelf, "study").values() if row["primary"]]
    assert (primary["arm"], primary["against"]) == ("state", "blind")
    assert primary["ci_low"] > 0
    assert primary["difference"] > primary["noise_floor"] > 0


@pytest.mark.slow
def test_the_null_study_finds_nothing(shelf: Path) -> None:
    rows = reported(shelf, "null-study")
    assert len(rows) == 6
    assert not [name for name, row in rows.items() if row.get("p_holm", row["p"]) < 0.05]


@pytest.mark.slow
def test_what_was_done_again_is_a_noise_of_training_and_none_of_evaluation(shelf: Path) -> None:
    """Answers of a greedy student on one machine depend on neither order nor batches, in float32; its training depends on seeds."""
    results = load("study", root=shelf)
    floor = noise_floor(results)
    assert floor is not None and floor.reevaluate is not None and floor.retrain is not None
    assert (floor.reevaluate.n, floor.retrain.n, floor.missing) == (3, 3, 0)
    assert floor.reevaluate.sd == 0
    assert min(floor.retrain.moved) > 0
    (run,) = [one for one in results.of_arm(floor.arm) if one.seed == floor.seed]
    own = run.iterations[floor.iteration].training
    assert own is not None
    weights = [stage.port("student") / "model.safetensors" for _, stage in run.copies if stage.kind == "train"]  # fmt: skip
    weights.append(own.port("student") / "model.safetensors")
    assert len({path.read_bytes() for path in weights}) == 4
