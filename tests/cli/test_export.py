"""The examples of a run as JSON lines, and what they are good for."""

from pathlib import Path

import pytest

from dataenvgym_spec import load
from dataenvgym_spec.gym.engines.from_file import FromFile
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.files import parse_rows
from tests.support.golden import requests
from tests.support.repositories import call, expect_refusal

FIELDS = {name: name for name in ("input", "target", "group", "metadata")}


def test_what_a_run_accepted_is_written_in_the_order_in_which_it_was_taught(
    finished: Path, tmp_path: Path
) -> None:
    said = call("dataenvgym", "export", "tiny", "--arm", "no-state", cwd=finished).stdout
    rows = parse_rows(said)
    run = next(run for run in load("tiny", finished).runs if run.arm == "no-state")
    taught = [(turn.number, row) for turn in run.iterations for row in turn.accepted]
    assert [(row["iteration"], row["id"]) for row in rows] == [(n, one.id) for n, one in taught]
    assert len(rows) == 60
    (tmp_path / "made.jsonl").write_text(said, encoding="utf-8")
    engine = FromFile(path=tmp_path / "made.jsonl", fields=FIELDS, sequence="file")
    again = [*engine.generate(requests(sum=30, lcm=30), Tools(seed=0))]
    skills = {"sum": 0, "lcm": 1}
    wanted = sorted((one for _, one in taught), key=lambda one: skills[one.skill])
    for name in ("input", "target", "skill", "metadata"):
        assert [getattr(one, name) for one in again] == [getattr(one, name) for one in wanted]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--arm", "no-stat"), ["there is no arm 'no-stat'", "did you mean 'no-state'?"]),
        (("--seed", "3"), ["there is no run with the seed 3", "seeds: 0"]),
    ],
)
def test_a_run_that_there_is_not_is_told(
    options: tuple[str, str], words: list[str], finished: Path
) -> None:
    expect_refusal(call("dataenvgym", "export", "tiny", *options, cwd=finished, ok=False), *words)


def test_before_anything_was_accepted_the_remedy_is_told(repo: Path) -> None:
    call("dataenvgym", "compile", cwd=repo)
    refused = call("dataenvgym", "export", "tiny", cwd=repo, ok=False)
    expect_refusal(refused, "accepted no example yet", "run: dvc repro tiny")
