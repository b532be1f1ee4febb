"""The whole path on a scaled-down spec: what a new user sees."""

import csv
import json
import subprocess
from pathlib import Path

import dataenvgym_spec
from dataenvgym_spec.results.experiment import load
from tests.support.commands import call, session
from tests.support.waiting import wait_until


def test_progress_is_told_in_a_persons_words(finished: Path) -> None:
    said = (finished.parent / "repro.txt").read_text(encoding="utf-8")
    assert "== tiny: with-state, iteration 2/2, train" in said
    assert (
        "== tiny: no-state, base, make the base student" in said
        or "== tiny: with-state, base, make the base student" in said
    )
    assert "  step 6/6, loss" in said
    assert "answers right" in said
    assert "best: iteration" in said


def test_results_are_what_the_spec_asks_for(finished: Path) -> None:
    results = load("tiny", finished)
    assert [run.arm for run in results.runs] == ["with-state", "no-state"]
    tested = results.runs[0].sealed("base")
    assert len(tested) == 12
    selection = {row.id for row in results.runs[0].iterations[1].results("selection")}
    feedback = {
        row.id
        for part in ("shown", "hidden")
        for row in results.runs[0].iterations[0].results(part)
    }
    sealed = {row.id for row in tested}
    assert (len(selection), len(feedback)) == (8, 16)
    for run in results.runs:
        taught = [row.id for turn in run.iterations for row in turn.accepted]
        assert len(taught) == len(set(taught))
        assert not set(taught) & (selection | feedback | sealed)
        assert {row.check for turn in run.iterations for row in turn.rejected} <= {
            "duplicate",
            "overlap",
            "scorable",
        }
        assert {row.check for turn in run.iterations for row in turn.rejected} >= {"overlap"}
        assert all(len(turn.accepted) <= 30 for turn in run.iterations)
        assert {row.id for row in run.sealed("best")} == sealed
    seeing, blind = results.runs
    assert seeing.iterations[1].plan.scores is not None
    assert blind.iterations[1].plan.scores is None
    assert blind.iterations[1].plan.allocation == {"lcm": 15, "sum": 15}
    assert blind.iterations[1].plan.errors == {}
    assert sum(map(len, seeing.iterations[1].plan.errors.values())) >= 1


def test_examples_know_where_they_come_from(finished: Path) -> None:
    results = load("tiny", finished)
    for turn in results.runs[0].iterations[1:]:
        plans = {stage.key for stage in turn.of("plan")}
        for row in turn.accepted:
            origin = row.provenance
            assert origin.plan in plans
            assert origin.iteration == turn.number
            assert origin.teacher == "procedural"


def test_the_log_says_what_it_took(finished: Path) -> None:
    for stage in load("tiny", finished).stages:
        assert "total" in stage.log.seconds
        assert stage.log.versions["dataenvgym-spec"]
        if stage.kind in ("train", "evaluate"):
            assert stage.log.device in ("cpu", "cuda")
            assert stage.log.precision == "float32"
            assert sum(stage.log.tokens.values()) > 0
            assert stage.log.threads or stage.log.gpu
            assert stage.log.versions["tokenizers"] and stage.log.versions["sympy"]
    trained = [stage for stage in load("tiny", finished).stages if stage.kind == "train"]
    assert all([row.step for row in stage.curve()] == [1, 5, 6] for stage in trained)
    assert all((stage.log.processes, stage.log.device_batch) == (1, 16) for stage in trained)


def test_the_report_and_its_numbers(finished: Path) -> None:
    page = (finished / "reports" / "tiny" / "index.html").read_text(encoding="utf-8")
    assert "A spec small enough for a test." in page
    records = json.loads(call("dataenvgym", "report", "tiny", "--json", cwd=finished).stdout)
    assert {(row["arm"], row["student"]) for row in records} >= {
        (arm, student) for arm in ("with-state", "no-state") for student in ("base", "best", "last")
    }
    for row in records:
        assert {
            "arm",
            "seed",
            "student",
            "split",
            "accuracy",
            "ci_low",
            "ci_high",
            "items",
            "examples",
        } <= set(row)
        assert row["ci_low"] <= row["accuracy"] <= row["ci_high"]
    numbers = json.loads(
        (finished / "reports" / "tiny" / "metrics.json").read_text(encoding="utf-8")
    )
    best = next(row for row in records if (row["arm"], row["student"]) == ("with-state", "best"))
    assert numbers["arms"]["with-state"]["best"]["accuracy"] == best["accuracy"]
    rows = list(
        csv.DictReader((finished / "reports" / "tiny" / "curves.csv").open(encoding="utf-8"))
    )
    assert {row["iteration"] for row in rows} == {"0", "1", "2"}
    taught = [row for row in rows if (row["arm"], row["split"]) == ("with-state", "selection")]
    spent = [float(row["tokens"]) for row in taught]
    assert spent[0] == 0 < spent[1] < spent[2]


def test_status_says_that_all_is_done(finished: Path) -> None:
    rows = json.loads(call("dataenvgym", "status", "tiny", "--json", cwd=finished).stdout)["stages"]
    assert {row["state"] for row in rows} == {"done"}


def test_a_program_sees_what_the_report_sees(finished: Path) -> None:
    assert dataenvgym_spec.load("tiny", finished).name == "tiny"


def test_no_process_is_left_behind(finished: Path) -> None:
    wait_until(lambda: not _workers(finished), "every worker of the run has ended")


def _workers(repo: Path) -> list[str]:
    listed = subprocess.run(
        ["pgrep", "-af", "dataenvgym_spec.execute.warm.worker"],
        capture_output=True,
        text=True,
        check=False,
    )
    return [line for line in listed.stdout.splitlines() if _belongs(line, repo)]


def _belongs(line: str, repo: Path) -> bool:
    """Whether a worker was started here. One that serves all tests of a session ends with it."""
    pid, *_, served, _group = line.split()
    try:
        here = Path(f"/proc/{pid}/cwd").resolve() == repo.resolve()
    except OSError:
        return False
    return here and served != str(session())
