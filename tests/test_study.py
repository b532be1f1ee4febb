"""The ready study and its null, as `make study` runs them: the one finds what is there, the other nothing.

Where machine and versions are those of the answers that are shipped (`docs/answers`), both come out as they did before: then the
one has to find its primary contrast, and the other nothing, at the 5 % that are declared. On another machine students are others,
as under other run seeds, and what is asserted has to hold of those too: not that a difference whose interval began one point
above zero is found again, which three runs do not promise, but that it agrees with the first one, and that what is large is
there in every run. `UPDATE_SNAPSHOTS=1` writes the answers that are shipped anew.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from dataenvgym_spec import load
from dataenvgym_spec.report.noise import floor_of
from dataenvgym_spec.results.evidence.contrasts import comparisons
from dataenvgym_spec.results.noise import noise_floor
from tests.support.learning import share, with_library
from tests.support.repositories import call
from tests.support.shipped import Shipped

FOUND = (0.011, 0.209)
"""The interval of the primary contrast in `docs/evidence.md`."""
LEVEL = 0.05
"""What is declared."""
RARE = 0.001
"""A level at which the null study blames what is innocent on one machine of some hundreds."""
FOUND_IT, NOTHING = "The interval leaves out zero", "The interval includes zero"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which both have run."""
    repo = with_library(tmp_path_factory.mktemp("study") / "repo")
    for name in ("study", "null"):
        call("dataenvgym", "run", f"specs/library/{name}.yaml", cwd=repo, timeout=7200)
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        for name in ("study", "null-study"):
            Shipped.of(load(name, root=repo)).write(name)
    return repo


def as_shipped(repo: Path, name: str) -> bool:
    """Whether the answers are those that are shipped, as equal bytes make them; the keys have to be."""
    mine, shipped = Shipped.of(load(name, root=repo)), Shipped.read(name)
    assert mine.keys == shipped.keys
    return mine == shipped


def page(repo: Path, name: str) -> str:
    """The report as people read it."""
    return load(name, root=repo).layout.report(name).joinpath("index.html").read_text("utf-8")


def reported(repo: Path, name: str) -> dict[str, Any]:
    """The contrasts of a report as plain data."""
    text = load(name, root=repo).layout.report(name).joinpath("metrics.json").read_text("utf-8")
    contrasts: dict[str, Any] = json.loads(text)["contrasts"]
    return contrasts


def in_runs(repo: Path, name: str, arm: str, against: str) -> list[float]:
    """By how much the last students of two arms differ on the sealed test in each run, from their answers."""
    results = load(name, root=repo)
    pairs = zip(results.of_arm(arm), results.of_arm(against), strict=True)
    return [share(one.sealed("last")) - share(other.sealed("last")) for one, other in pairs]


@pytest.mark.slow
def test_the_report_of_the_study_says_what_its_answers_say(shelf: Path) -> None:
    rows = reported(shelf, "study")
    assert len(rows) == 5
    for row in rows.values():
        runs = in_runs(shelf, "study", row["arm"], row["against"])
        assert row["difference"] == pytest.approx(fmean(runs), abs=1e-6)
        assert row["ci_low"] < row["difference"] < row["ci_high"]
        # One test says both: an interval without zero is a p value below the level.
        assert (row["ci_low"] > 0 or row["ci_high"] < 0) == (row["p"] < 0.05)


@pytest.mark.slow
def test_the_study_finds_what_it_was_made_for(shelf: Path) -> None:
    (primary,) = [row for row in reported(shelf, "study").values() if row["primary"]]
    assert (primary["arm"], primary["against"]) == ("state", "blind")
    low, high = FOUND
    assert primary["ci_low"] < high and primary["ci_high"] > low
    if as_shipped(shelf, "study"):
        assert (primary["ci_low"], primary["ci_high"]) == pytest.approx(FOUND, abs=0.0005)
        assert primary["p_holm"] < LEVEL and primary["difference"] > primary["noise_floor"] > 0
        assert FOUND_IT in page(shelf, "study")
    # What no chance of three runs takes away: teaching helps, and examples are no matter of steps.
    for run in load("study", root=shelf).of_arm("state"):
        assert share(run.sealed("last")) > share(run.sealed("base"))
    assert min(in_runs(shelf, "study", "state", "equal-compute")) > 0.1


@pytest.mark.slow
def test_the_floor_stands_beside_each_contrast(shelf: Path) -> None:
    results = load("study", root=shelf)
    floor, rows = noise_floor(results), reported(shelf, "study")
    assert floor is not None
    width = floor.difference(3)
    assert width is not None and width > 0
    for answer in comparisons(results):
        row = rows[answer.question.title]
        assert row["noise_floor"] == pytest.approx(width, abs=1e-6)
        said = floor_of(floor, answer.question, answer.weighed)
        beyond = abs(row["difference"]) > width
        assert said.endswith(f"this one is {'beyond' if beyond else 'within'} it.")


@pytest.mark.slow
def test_the_null_study_finds_nothing(shelf: Path) -> None:
    rows = reported(shelf, "null-study")
    assert len(rows) == 6
    level = LEVEL if (same := as_shipped(shelf, "null-study")) else RARE
    assert not [name for name, row in rows.items() if row["p_holm"] < level]
    if same:
        assert not [name for name, row in rows.items() if not row["ci_low"] < 0 < row["ci_high"]]
        said = page(shelf, "null-study")
        assert said.count(NOTHING) == len(rows) and FOUND_IT not in said
    # Nor anything that would matter if it were there: here a mean over three runs varies by less
    # than one point.
    assert max(abs(row["difference"]) for row in rows.values()) < 0.05


@pytest.mark.slow
def test_what_was_done_again_is_a_noise_of_training_and_hardly_of_evaluation(shelf: Path) -> None:
    """Greedy answers in float32 hardly depend on order and batches, and on most machines not at all; a training depends on seeds."""
    results = load("study", root=shelf)
    floor = noise_floor(results)
    assert floor is not None and floor.reevaluate is not None and floor.retrain is not None
    assert (floor.reevaluate.n, floor.retrain.n, floor.missing) == (3, 3, 0)
    assert max(floor.reevaluate.moved) < 0.02
    assert min(floor.retrain.moved) > max(floor.reevaluate.moved)
    (run,) = [one for one in results.of_arm(floor.arm) if one.seed == floor.seed]
    own = run.iterations[floor.iteration].training
    assert own is not None
    weights = [stage.port("student") / "model.safetensors" for _, stage in run.copies if stage.kind == "train"]  # fmt: skip
    weights.append(own.port("student") / "model.safetensors")
    assert len({path.read_bytes() for path in weights}) == 4
