"""A finished result and a checkpoint are used only for the inputs that they were made from."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute import run
from dataenvgym_spec.execute.run import run_stage
from dataenvgym_spec.store.dvc.state import hash_of
from dataenvgym_spec.store.layout import Layout, kind_of
from dataenvgym_spec.store.scratch import scratch
from tests.support.repositories import call, new_repo
from tests.support.specs import TINY, tiny

ROWS = [
    {"ask": f"what is {n} + {n}?", "answer": str(n + n), "sort": ("sum", "lcm")[n % 2]}
    for n in range(300)
]
LISTED = {
    "kind": "jsonl",
    "path": "../rows.jsonl",
    "fields": {"input": "ask", "target": "answer", "group": "sort"},
}


@dataclass(frozen=True)
class Work:
    """A compiled repository whose feedback is drawn from a file."""

    layout: Layout

    def directory(self, kind: str, **params: object) -> str:
        """The only stage of a kind with these parameters."""
        (found,) = (
            path.parent.name
            for path in self.layout.store.glob(f"{kind}-*/stage.json")
            if params.items() <= json.loads(path.read_text(encoding="utf-8"))["params"].items()
        )
        return found

    def run(self, directory: str) -> None:
        run_stage(self.layout, directory)

    def out(self, directory: str, name: str) -> Path:
        return self.layout.stage(directory) / "out" / name

    def lock(self, directory: str) -> None:
        """What DVC does after a stage: its lock names the results."""
        folder = self.layout.stage(directory)
        outs = ["log", *(f"out/{path.name}" for path in (folder / "out").iterdir())]
        rows = [
            [{"path": name, "md5": hash_of(folder / name)} for name in names]
            for names in (["stage.json"], outs)
        ]
        lock = {"cmd": "dataenvgym stage", "deps": rows[0], "outs": rows[1]}
        text = yaml.safe_dump({"schema": "2.0", "stages": {kind_of(directory): lock}})
        (folder / "dvc.lock").write_text(text, encoding="utf-8")


@pytest.fixture
def work(tmp_path: Path) -> Work:
    spec = tiny(
        task={
            "sources": {"listed": LISTED},
            "score": {"kind": "exact-match"},
            "splits": {"feedback": {"from": "listed", "draw": {"items": 12, "per_group": None}}},
        }
    )
    repo = new_repo(tmp_path / "repo", spec)
    write_rows(repo, ROWS)
    call("dataenvgym", "compile", cwd=repo)
    return Work(Layout(root=repo))


def write_rows(repo: Path, rows: list[dict[str, str]]) -> None:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (repo / "rows.jsonl").write_text(text, encoding="utf-8")


@pytest.fixture
def skills(work: Work) -> str:
    """The stage that finds the skills, with the feedback that it reads made."""
    feedback = work.directory("data", role="feedback")
    work.run(feedback)
    work.lock(feedback)
    return work.directory("skills")


def other_feedback(work: Work) -> None:
    """Gives the feedback another content under the same key, as a colleague's may have."""
    feedback = work.directory("data", role="feedback")
    path = work.out(feedback, "shown/items.jsonl")
    text = path.read_text(encoding="utf-8").replace('"lcm"', '"gcd"')
    path.unlink()
    path.write_text(text, encoding="utf-8")
    work.lock(feedback)


def test_a_finished_result_is_adopted_while_its_inputs_are_what_they_were(
    work: Work, skills: str, capsys: pytest.CaptureFixture[str]
) -> None:
    work.run(skills)
    log = (work.layout.stage(skills) / "log" / "run.json").read_bytes()
    work.run(skills)
    assert "adopted" in capsys.readouterr().out
    assert (work.layout.stage(skills) / "log" / "run.json").read_bytes() == log


def test_a_finished_result_of_other_inputs_is_made_again(
    work: Work, skills: str, capsys: pytest.CaptureFixture[str]
) -> None:
    work.run(skills)
    other_feedback(work)
    work.run(skills)
    said = capsys.readouterr().out
    assert "adopted" not in said
    assert "was made from another" in said
    assert "gcd" in work.out(skills, "skills/skills.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("changes", [False, True])
def test_what_a_killed_attempt_left_is_kept_for_the_same_inputs_only(
    work: Work, skills: str, changes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_context: object) -> None:
        raise RuntimeError("killed")

    seen: list[bool] = []
    space = scratch(work.layout, skills)
    monkeypatch.setattr(run, "executor", lambda _kind: fail)
    with pytest.raises(StageError):
        work.run(skills)
    (space.work / "checkpoint").write_text("", encoding="utf-8")
    if changes:
        other_feedback(work)
    look = lambda context: seen.append((context.work / "checkpoint").exists())  # noqa: E731
    monkeypatch.setattr(run, "executor", lambda _kind: look)
    work.run(skills)
    assert seen == [not changes]


def test_a_stage_whose_input_changes_while_it_runs_has_failed(
    work: Work, skills: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "executor", lambda _kind: lambda _context: other_feedback(work))
    with pytest.raises(StageError, match="changed while"):
        work.run(skills)
    assert not (scratch(work.layout, skills).path / "done.json").exists()


def test_a_stage_whose_file_changes_while_it_runs_has_failed(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    feedback = work.directory("data", role="feedback")
    monkeypatch.setattr(run, "executor", lambda _kind: lambda _context: edit(work.layout.root))
    with pytest.raises(StageError, match=r"rows\.jsonl"):
        work.run(feedback)
    assert not (scratch(work.layout, feedback).path / "done.json").exists()


def test_a_run_that_is_forced_makes_the_last_result_again(
    work: Work, skills: str, capsys: pytest.CaptureFixture[str]
) -> None:
    work.run(skills)
    work.lock(skills)
    # DVC deletes the outs before a stage runs.
    for name in ("out", "log"):
        work.layout.stage(skills).joinpath(name).rename(work.layout.root / name)
    capsys.readouterr()
    work.run(skills)
    assert "adopted" not in capsys.readouterr().out


def test_a_result_that_no_lock_names_stays_whatever_the_clock_says(
    work: Work, skills: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A forced run was killed before its lock: the lock of an earlier result stands there."""
    work.run(skills)
    work.lock(skills)
    old = (work.layout.stage(skills) / "dvc.lock").read_bytes()
    work.run(skills)
    (work.layout.stage(skills) / "dvc.lock").write_bytes(old)
    capsys.readouterr()
    work.run(skills)
    assert "adopted" in capsys.readouterr().out


def edit(repo: Path) -> None:
    write_rows(repo, [*ROWS, {"ask": "what is 5 + 5?", "answer": "10", "sort": "sum"}])


def same_length(repo: Path) -> None:
    write_rows(repo, [{**row, "answer": row["answer"][::-1]} for row in ROWS])


def remove(repo: Path) -> None:
    (repo / "rows.jsonl").unlink()


def folder(repo: Path) -> None:
    remove(repo)
    (repo / "rows.jsonl").mkdir()


@pytest.mark.parametrize("change", [edit, same_length, remove, folder])
def test_a_file_that_the_key_was_not_made_of_is_refused(
    work: Work, change: Callable[[Path], None]
) -> None:
    feedback = work.directory("data", role="feedback")
    change(work.layout.root)
    with pytest.raises(StageError, match=r"rows\.jsonl") as refused:
        work.run(feedback)
    assert refused.value.help.endswith("run: dataenvgym compile")
    assert not (work.layout.stage(feedback) / "out").exists()


def test_a_local_model_that_the_key_was_not_made_of_is_refused(tmp_path: Path) -> None:
    model = {"kind": "path", "path": "../gemma"}
    pretrained = dict.fromkeys(yaml.safe_load(TINY)["student"]["model"])
    repo = new_repo(tmp_path / "repo", tiny(student={"model": {**pretrained, **model}}))
    (repo / "gemma").mkdir()
    config = repo / "gemma" / "config.json"
    config.write_text('{"model_type": "llama"}', encoding="utf-8")
    call("dataenvgym", "compile", cwd=repo)
    work = Work(Layout(root=repo))
    config.write_text('{"model_type": "gemma"}', encoding="utf-8")
    with pytest.raises(StageError, match="'gemma' is not what this stage was compiled for"):
        work.run(work.directory("student"))


def test_a_finished_result_is_not_adopted_for_an_edited_file(work: Work) -> None:
    feedback = work.directory("data", role="feedback")
    work.run(feedback)
    edit(work.layout.root)
    with pytest.raises(StageError, match=r"rows\.jsonl"):
        work.run(feedback)


@pytest.mark.parametrize("reads", ["another directory", "a list", "numbers"])
def test_a_stage_that_reads_another_directory_than_its_key_says_is_refused(
    work: Work, skills: str, reads: str
) -> None:
    path = work.layout.stage(skills) / "stage.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    other = work.directory("data", role="test")
    content["reads"] = {
        "another directory": dict.fromkeys(content["reads"], other),
        "a list": list(content["reads"]),
        "numbers": dict.fromkeys(content["reads"], 1),
    }[reads]
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(StageError, match="does not give its key"):
        work.run(skills)
