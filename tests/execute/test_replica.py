"""Stages computed again beside their results: what is equal, what is not, and that nothing else is touched."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.records.files import write_json
from tests.support.repositories import call, expect_refusal, new_repo
from tests.support.specs import SMALL


def replicated(repo: Path, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and each stage by its directory."""
    done = call("dataenvgym", "replicate", "tiny", *arguments, "--json", cwd=repo, ok=False)
    told = json.loads(done.stdout)
    assert told["kept"] == (done.returncode == 0)
    return done.returncode, {row["stage"]: row for row in told["stages"]}


def stages(repo: Path, kind: str, arm: str = "with-state") -> list[str]:
    index = json.loads((repo / "experiments" / "tiny.json").read_text())
    return [
        row["directory"]
        for row in index["stages"]
        if row["kind"] == kind and any(use["arm"] == arm for use in row["uses"])
    ]


def labelled(repo: Path, label: str) -> str:
    """The directory of the one stage that is called so."""
    index = json.loads((repo / "experiments" / "tiny.json").read_text())
    (found,) = [row["directory"] for row in index["stages"] if {use["label"] for use in row["uses"]} == {label}]  # fmt: skip
    return str(found)


def edited(path: Path, change: Any) -> None:
    """Edits a result, which may be a link into the cache."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.unlink()
    path.write_text("".join(json.dumps(row) + "\n" for row in change(rows)))


def standing(repo: Path) -> dict[str, tuple[int, int]]:
    """All files but those that are private to this clone, each with its size and time."""
    found = {}
    for folder, names, files in os.walk(repo):
        names[:] = [name for name in names if name not in (".dataenvgym", ".git")]
        for name in files:
            state = (Path(folder) / name).lstat()
            found[f"{folder}/{name}"] = (state.st_size, state.st_mtime_ns)
    return found


def test_what_is_promised_is_given_again_and_nothing_else_is_touched(
    copy_of_finished: Path,
) -> None:
    repo = copy_of_finished
    before = standing(repo)
    code, rows = replicated(repo, "--stages", "data", "--stages", "check", "--arm", "with-state")
    assert code == 0 and set(rows) == {*stages(repo, "data"), *stages(repo, "check")}
    assert {row["outcome"] for row in rows.values()} == {"equal"}
    assert all(row["owed"] and row["promise"] == "anywhere" for row in rows.values())
    assert standing(repo) == before
    # What is equal is not kept.
    assert [path.name for path in (repo / ".dataenvgym" / "replicas" / "tiny").iterdir()] == ["stages.txt"]  # fmt: skip


def test_a_result_that_is_another_is_found_out_and_what_was_made_from_it_is_not_blamed(
    copy_of_finished: Path,
) -> None:
    repo = copy_of_finished
    check, train = stages(repo, "check")[0], stages(repo, "train")[0]
    evaluate = stages(repo, "evaluate")[0]
    edited(repo / "store" / check / "out" / "accepted" / "examples.jsonl", lambda rows: rows[1:])
    (port,) = (repo / "store" / evaluate / "out").iterdir()
    edited(port / "results.jsonl", lambda rows: [{**rows[0], "correct": True, "score": 1.0, "prediction": "?"}, *rows[1:]])  # fmt: skip
    names = [word for name in (check, train, evaluate) for word in ("--stages", name)]
    code, rows = replicated(repo, *names)
    assert code == 1
    assert rows[check]["outcome"] == "different" and rows[check]["broken"]
    (accepted,) = (one for one in rows[check]["ports"] if not one["equal"])
    assert (accepted["name"], accepted["files"]) == ("accepted", ["examples.jsonl"])
    assert rows[train]["outcome"] == "skipped" and not rows[train]["broken"]
    assert f"made from another 'store/{check}/out/accepted'" in rows[train]["reason"]
    (score,) = rows[evaluate]["scores"]
    assert (score["gained"], score["lost"], score["reworded"]) == (0, 1, 1)
    assert score["before"] - score["after"] == pytest.approx(1 / score["items"])


def test_on_another_machine_bytes_are_not_owed(copy_of_finished: Path) -> None:
    repo = copy_of_finished
    train = stages(repo, "train")[0]
    path = repo / "store" / train / "log" / "run.json"
    log = json.loads(path.read_text())
    path.unlink()
    write_json(path, {**log, "processor": "another"})
    (weights,) = (repo / "store" / train / "out" / "student").glob("*.safetensors")
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.unlink()
    weights.write_bytes(content)
    command = ("dataenvgym", "replicate", "tiny", "--stages", train)
    done = call(*command, cwd=repo)
    # What it may take is said before; nothing is opened but selection.
    assert "1 stage to compute again (1 train): they took " in done.stderr
    assert "answers selection beside the one in the store: at most 2 evaluations" in done.stderr
    said = " ".join(done.stdout.split())
    # The student in the store is not the one that its scores are of, so both answer again.
    assert "selection: " in said and "both students answered now" in said
    assert "noise floor of trainings: not measured" in said
    kept = repo / ".dataenvgym" / "replicas" / "tiny" / train
    for answers in ("answers", "answers-before"):
        assert (kept / answers / "out" / "selection" / "results.jsonl").is_file()
    assert f"port student: {weights.name}" in said
    assert "ran otherwise: processor: another / " in said
    assert "equal bytes are promised on the same machine, here not" in said
    assert "no bytes were promised here" in said


def test_what_it_would_take_is_said_and_nothing_is_computed(copy_of_finished: Path) -> None:
    repo = copy_of_finished
    before = standing(repo)
    command = ("dataenvgym", "replicate", "tiny", "--stages", "train", "--stages", "data")
    told = json.loads(call(*command, "--dry-run", "--json", cwd=repo).stdout)
    trainings = len({*stages(repo, "train"), *stages(repo, "train", "no-state")})
    assert told["stages"]["train"] == trainings and told["stages"]["data"] >= 3
    assert told["splits"] == {"selection": trainings}
    assert told["most_evaluations"] == 2 * trainings
    assert told["seconds"] > 0 and told["evaluation_seconds"] > 0
    said = call(*command[:5], "--dry-run", cwd=repo).stdout
    assert f"{trainings} stages to compute again ({trainings} train)" in said
    assert standing(repo) == before
    assert not (repo / ".dataenvgym" / "replicas").exists()


def test_what_cannot_be_meant_is_refused(copy_of_finished: Path) -> None:
    repo = copy_of_finished
    for arguments, message in (
        (("--stages", "nothing"), "no stage is meant by that"),
        (("--arm", "with-stat"), "has no arm 'with-stat'"),
        (("--seed", "7"), "has no run seed 7"),
    ):
        said = call("dataenvgym", "replicate", "tiny", *arguments, cwd=repo, ok=False)
        expect_refusal(said, message)


@pytest.mark.slow
def test_scores_are_told_as_within_or_beyond_the_noise_floor_that_was_measured(
    tmp_path: Path,
) -> None:
    repo = new_repo(tmp_path / "repo", f"{SMALL}noise: {{reevaluate: 2}}\n")
    call("dataenvgym", "run", "tiny", cwd=repo)
    sealed = labelled(repo, "main, evaluate best and last on test")
    path = repo / "store" / sealed / "out" / "test" / "results.jsonl"
    command = ("dataenvgym", "replicate", "tiny", "--stages", sealed)

    def said() -> str:
        done = call(*command, cwd=repo, ok=False)
        assert done.returncode < 2, done.stderr
        return " ".join(done.stdout.split())

    def turned(rows: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
        """Of so many answers the other judgement."""
        others = [{**row, "correct": not row["correct"]} for row in rows[:count]]
        return [*others, *rows[count:]]

    def floor() -> float | None:
        measured: float | None = json.loads(call(*command, "--json", cwd=repo, ok=False).stdout)["floor"]  # fmt: skip
        return measured

    assert "1 equal" in said()
    # Greedy answers in float32 were the same in both copies: no score moves by chance.
    assert floor() == 0
    edited(path, lambda rows: [{**rows[0], "prediction": "?"}, *rows[1:]])
    assert "1 of another text within the noise floor of evaluations, 0.0 points" in said()
    edited(path, lambda rows: turned(rows, 1))
    assert "beyond the noise floor of evaluations, 0.0 points" in said()
    # Where copies differ by half of the answers, one answer is within.
    copy = labelled(repo, "main, evaluate iteration 1 on selection again 1")
    copied = repo / "store" / copy / "out" / "selection" / "results.jsonl"
    edited(copied, lambda rows: turned(rows, len(rows) // 2))
    # What its lock does not say would be refused.
    call("dvc", "commit", "-q", "-f", f"store/{copy}/dvc.yaml", cwd=repo)
    width = floor()
    assert width is not None and width > 1 / 12
    assert f"within the noise floor of evaluations, {100 * width:.1f} points" in said()


EXAMINED = """
import json, sys
from pathlib import Path
from dataenvgym_spec.execute.retrained import examined
from dataenvgym_spec.records.experiment import Index
from dataenvgym_spec.records.files import read
from dataenvgym_spec.store.layout import Layout

root, training, folder = sys.argv[1:]
layout = Layout(root=Path(root))
both = examined(layout, read(layout.index("tiny"), Index), training, Path(folder), {})
print(json.dumps({"asked": both.asked, "scores": [score.plain() for score in both.scores]}))
"""


@pytest.mark.slow
def test_a_student_that_was_trained_again_is_told_as_within_or_beyond_the_floor_of_trainings(
    tmp_path: Path,
) -> None:
    repo = new_repo(tmp_path / "repo", f"{SMALL}noise: {{retrain: 2}}\n")
    call("dataenvgym", "run", "tiny", cwd=repo)
    train = labelled(repo, "main, iteration 1/1, train")
    again = labelled(repo, "main, train iteration 1 again 1")
    index = json.loads((repo / "experiments" / "tiny.json").read_text())
    (key,) = (row["key"] for row in index["stages"] if row["directory"] == train)

    def right(label: str) -> float:
        path = repo / "store" / labelled(repo, label) / "out" / "selection" / "results.jsonl"
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        return sum(row["correct"] for row in rows) / len(rows)

    own = right("main, iteration 1/1, evaluate on selection")
    copy = right("main, evaluate iteration 1 on selection trained again 1")
    # The student of a copy in the place of one that came out otherwise: only it has to answer.
    folder = repo / ".dataenvgym" / "again" / train
    shutil.copytree(repo / "store" / again / "out", folder / "out")
    command = (sys.executable, "-c", EXAMINED, str(repo), key, str(folder))
    told = json.loads(call(*command, cwd=repo).stdout.splitlines()[-1])
    (score,) = told["scores"]
    assert told["asked"] == 1
    assert (score["before"], score["after"]) == (own, copy)
    # The same in the store: what is computed again is then the student that it was.
    shutil.rmtree(repo / "store" / train / "out" / "student")
    shutil.copytree(folder / "out" / "student", repo / "store" / train / "out" / "student")
    code, rows = replicated(repo, "--stages", train)
    (score,) = rows[train]["scores"]
    assert code == 1 and rows[train]["asked"] == 2
    assert (score["before"], score["after"], score["split"]) == (copy, own, "selection")
    width = score["noise_floor"]
    assert isinstance(width, float)
    said = " ".join(call("dataenvgym", "replicate", "tiny", "--stages", train, cwd=repo, ok=False).stdout.split())  # fmt: skip
    side = "beyond" if abs(own - copy) > width else "within"
    assert f"{side} the noise floor of trainings, {100 * width:.1f} points" in said
