"""`dataenvgym preview`: examples of the first plan, made in scratch; the store stays as it is, and no answer is paid for twice."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import teachers
from tests.support.repositories import call, expect_refusal, new_repo
from tests.support.specs import TINY, tiny

ASKING = tiny(
    task={"score": {"kind": "exact-match"}},
    environment="open-ended",
    skills=None,
    arms=None,
    analysis=None,
    teachers={"generator": None, "writer": {"kind": "scripted"}},
    agent={
        "observe": "nothing",
        "policy": {"kind": "fixed-prompt", "power": None, "floor": None},
        "engine": {
            "kind": "llm",
            "teacher": "writer",
            "per_call": 3,
            "oversample": 1.5,
            "corrupt": None,
        },
    },
)
"""Its first plan reads nothing, and a language model writes for it."""


@pytest.fixture
def repo(tmp_path: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        teachers.install(patch)
        yield new_repo(tmp_path / "repo", ASKING)
    teachers.forget()


def files(repo: Path) -> set[str]:
    found = (path.relative_to(repo).as_posix() for path in repo.rglob("*") if path.is_file())
    return {name for name in found if not name.startswith(".git/")}


def test_it_shows_the_plan_the_examples_and_the_prompts_and_stores_nothing(repo: Path) -> None:
    before = files(repo)
    told = call("dataenvgym", "preview", "tiny", cwd=repo).stdout
    assert "main, seed 0: 5 examples of the 30 of the first plan; nothing is stored" in told
    assert "   30 x task: " in told
    assert "5. task\n   input   What is 4 + 4?\n   target  8\n   from    task-1/0/1 below" in told
    assert "6. task" not in told
    # Of 5 examples and half as many more, at 3 a call.
    assert [line for line in told.splitlines() if line.startswith("asked ")] == [
        f"asked scripted: task-1/0/{number}" for number in range(3)
    ]
    assert "   user    You write practice examples for a student model." in told
    assert "           This is batch 2 of 3." in told
    assert '   reply   {"examples": [{"input": "What is 0 + 0?"' in told
    assert files(repo) == before


def test_for_programs_and_the_number_is_that_asked_for(repo: Path) -> None:
    told = call("dataenvgym", "preview", "tiny", "--examples", "2", "--json", cwd=repo).stdout
    shown = json.loads(told)
    assert [row["target"] for row in shown["examples"]] == ["0", "2"]
    assert (shown["arm"], shown["seed"], shown["plan"]["allocation"]) == ("main", 0, {"task": 30})
    assert [row["count"] for row in shown["requests"]] == [2]
    assert shown["examples"][0]["provenance"]["asks"] == [shown["responses"][0]["ask"]]
    assert shown["made"] == {"calls": 1, "proposed": 3}


def test_a_question_that_was_asked_is_not_asked_again(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> Iterator[None]:
        raise AssertionError("asked again")

    first = call("dataenvgym", "preview", "tiny", cwd=repo).stdout
    monkeypatch.setattr(teachers.Scripted, "answer", refused)
    assert call("dataenvgym", "preview", "tiny", cwd=repo).stdout == first


def test_what_could_not_be_made_is_said(repo: Path) -> None:
    told = call("dataenvgym", "preview", "tiny", "--set", "teachers.writer.most=0", cwd=repo).stdout  # fmt: skip
    assert "main, seed 0: 0 examples of the 30" in told
    assert "5 examples could not be made: 9 calls, 9 invalid" in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--arm", "mian"), ("there is no arm 'mian'", "did you mean 'main'")),
        (("--seed", "7"), ("there is no run with the seed 7", "seeds: 0")),
        (("--examples", "0"), ("0 is not in the range",)),
    ],
)
def test_what_is_not_there_is_an_error(
    repo: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    expect_refusal(call("dataenvgym", "preview", "tiny", *arguments, cwd=repo, ok=False), *words)


def test_it_says_what_has_to_run_first(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo", TINY)
    asked = ("dataenvgym", "preview", "tiny", "--arm", "no-state")
    expect_refusal(call(*asked, cwd=repo, ok=False), "was not compiled", "run: dataenvgym compile")
    call("dataenvgym", "compile", cwd=repo)
    (skills,) = (repo / "store").glob("skills-*")
    wanted = f"run: dvc repro store/{skills.name}/dvc.yaml"
    expect_refusal(call(*asked, cwd=repo, ok=False), "a stage has yet to run", wanted)
    out = skills / "out" / "skills"
    out.mkdir(parents=True)
    content = {"skills": ["lcm", "sum"], "items": {}}
    (out / "skills.json").write_text(json.dumps(content), encoding="utf-8")
    shown = json.loads(call(*asked, "--json", cwd=repo).stdout)
    assert [row["skill"] for row in shown["examples"]] == ["lcm"] * 3 + ["sum"] * 2
    assert shown["responses"] == []
