"""Where an example comes from and what became of it: each link of the chain is one that a stage wrote."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dataenvgym_spec.cli import trace
from dataenvgym_spec.cli.trace import command
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.records.examples import Example, Provenance, Rejected
from dataenvgym_spec.records.experiment import Index, IndexedStage, StageUse
from dataenvgym_spec.records.files import write_json, write_rows
from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.records.plans import Plan, Request, ShownError
from dataenvgym_spec.records.responses import LoggedResponse
from tests.support.repositories import call, expect_refusal

CHAIN = {"plan": (), "generate": ("plan",), "check": ("generate", "plan"), "train": ("check",)}
PLAN = Plan(
    allocation={"sum": 9}, reasons={"sum": "25% right"}, iteration=1,
    errors={"sum": (ShownError(id="e1", input="1 + 1 =", target="2", prediction="3"), ShownError(id="e2", input="x", target="y", prediction="z"))},
    requests=(Request(id="r1", count=9, skill="sum", subskill="carrying", brief="Be odd."),),
)  # fmt: skip


def example(id: str, number: int, **more: Any) -> Example:
    made = Provenance(
        iteration=1, round=0, plan="plan-key", teacher="scripted", request=number, asks=("r1/0/0",), shown=("e1",), model="scripted-1",
    )  # fmt: skip
    return Example(
        id=id, input=f"{id}?", target="7", group="sum", cluster=id, skill="sum", subskill="carrying", request="r1", provenance=made, **more,
    )  # fmt: skip


MADE = [example("aaa1", 0), example("aab2", 1), example("bbb3", 2), example("ccc4", 3), example("ddd5", 4)]  # fmt: skip


def response(ask: str, text: str) -> LoggedResponse:
    return LoggedResponse(
        key=ask, stage="generate-key", at=0.0, reply={"text": text, "tokens": {}}, teacher="big", ask=ask, sample=0,
        messages=({"role": "user", "content": f"Prompt of {ask}\nin two lines"},),
    )  # fmt: skip


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folders = [".dvc", "experiments", "store/plan-1/out/plan", "store/generate-1/out/candidates", "store/check-1/out/accepted", "store/check-1/out/rejected"]  # fmt: skip
    folders += [f"store/{kind}-1/log" for kind in ("plan", "generate", "check")]
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    stages = []
    for kind, reads in CHAIN.items():
        use = StageUse(arm="main", seed=0, iteration=1, label=f"main, iteration 1/2, {kind}")
        inputs = tuple(f"{other}-key" for other in reads)
        stages.append(IndexedStage(directory=f"{kind}-1", key=f"{kind}-key", kind=kind, inputs=inputs, uses=(use,)))  # fmt: skip
    index = Index(
        name="shown", description="", arms=("main",), seeds=(0,), iterations={"main": 1}, contrasts=(), settings={"main": {}}, inputs={},
        stages=tuple(stages),
    )  # fmt: skip
    write_json(tmp_path / "experiments" / "shown.json", index)
    store = tmp_path / "store"
    (store / "train-1").mkdir()
    inputs = [["accepted", "check-key", "accepted"]]
    write_json(store / "train-1" / "stage.json", {"params": {"seed": 0}, "inputs": inputs})
    for kind in ("plan", "generate", "check"):
        write_json(store / f"{kind}-1" / "log" / "run.json", Log(started=0.0, seconds={"total": 1.0}))  # fmt: skip
    write_json(store / "plan-1" / "out" / "plan" / "plan.json", PLAN)
    write_rows(store / "generate-1" / "out" / "candidates" / "examples.jsonl", MADE)
    asked = [response("r1/0/0", "{...}"), response("r1/0/1", "another")]
    write_rows(store / "generate-1" / "log" / "responses.jsonl", asked)
    check = store / "check-1" / "out"
    accepted = [example("aaa1", 0, notes={"known": "right already"}), MADE[2]]
    write_rows(check / "accepted" / "examples.jsonl", accepted)
    rejected = [Rejected.by(MADE[1], "scorable", "the scorer cannot read the answer")]
    write_rows(check / "rejected" / "examples.jsonl", rejected)
    write_rows(store / "check-1" / "log" / "responses.jsonl", [response("bbb3", "seven")])
    return tmp_path


def traced(repo: Path, id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(call("dataenvgym", "trace", id, "--json", cwd=repo).stdout)  # fmt: skip
    return found


def test_an_accepted_example_leads_back_to_the_error_and_on_to_the_student(repo: Path) -> None:
    (one,) = traced(repo, "aaa1")
    assert one["errors"] == [{"id": "e1", "input": "1 + 1 =", "target": "2", "prediction": "3"}]
    assert (one["plan"], one["reason"], one["request"]["brief"]) == ("plan-1", "25% right", "Be odd.")  # fmt: skip
    assert [row["reply"]["text"] for row in one["asked"]] == ["{...}"]
    assert (one["accepted"], one["check"], one["notes"]) == (True, "check-1", {"known": "right already"})  # fmt: skip
    assert [(row["stage"], row["done"]) for row in one["trained"]] == [("train-1", False)]


def test_what_was_not_accepted_taught_nobody_and_says_why(repo: Path) -> None:
    (rejected,), (surplus,) = traced(repo, "aab2"), traced(repo, "ccc4")
    assert rejected["rejected"] == {"check": "scorable", "reason": "the scorer cannot read the answer"}  # fmt: skip
    assert surplus["rejected"] is None
    for one in (rejected, surplus):
        assert (one["accepted"], one["trained"]) == (False, [])


def test_the_first_signs_of_an_id_are_enough_and_find_all(repo: Path) -> None:
    assert [one["example"]["id"] for one in traced(repo, "aa")] == ["aaa1", "aab2"]


def test_no_id_is_refused_and_of_many_that_begin_alike_the_ids_are_listed(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repo)
    result = CliRunner().invoke(command, [" "])
    assert isinstance(result.exception, UserError) and "the id is empty" in str(result.exception)
    monkeypatch.setattr(trace, "MOST", 1)
    said = CliRunner().invoke(command, ["aa"], catch_exceptions=False).output
    assert said == (
        "2 examples whose id begins with 'aa':\n  aaa1\n  and 1 more; say more of the id, or --json\n"
    )
    assert len(json.loads(CliRunner().invoke(command, ["aa", "--json"]).output)) == 2


def test_what_a_check_asked_is_shown(repo: Path) -> None:
    (one,) = traced(repo, "bbb3")
    assert [row["reply"]["text"] for row in one["verified"]] == ["seven"]


def test_people_read_the_chain_in_its_order(repo: Path) -> None:
    told = call("dataenvgym", "trace", "aaa1", cwd=repo).stdout
    order = [
        "aaa1  accepted", "input   aaa1?", "error e1", "student 3", "planned  main, iteration 1/2, plan, store/plan-1",
        "9 examples of sum, carrying: 25% right", "brief   Be odd.", "made     main, iteration 1/2, generate, store/generate-1, by scripted (scripted-1)",
        "asked big: r1/0/0", "user    Prompt of r1/0/0\n           in two lines", "reply   {...}", "checked  main", "known noted: right already",
        "taught   main, iteration 1/2, train, store/train-1 (not trained yet)",
    ]  # fmt: skip
    places = [told.find(words) for words in order]
    assert -1 not in places, told
    assert places == sorted(places)


def test_before_the_check_it_says_so(repo: Path) -> None:
    (repo / "store" / "check-1" / "log" / "run.json").unlink()
    assert call("dataenvgym", "trace", "ccc4", cwd=repo).stdout.startswith("ccc4  not checked yet")


def test_an_id_that_nothing_has_is_an_error(repo: Path) -> None:
    found = call("dataenvgym", "trace", "nothing", cwd=repo, ok=False)
    expect_refusal(found, "no generated example and no item has the id 'nothing' in 1 experiment")


def test_who_was_taught_a_part_is_named_by_the_examples_of_that_part_alone(repo: Path) -> None:
    path = repo / "store" / "train-1" / "stage.json"
    inputs = [["accepted", "check-key", "accepted"]]
    write_json(path, {"params": {"seed": 0, "fraction": 0.5}, "inputs": inputs})
    every = [traced(repo, id)[0] for id in ("aaa1", "bbb3")]
    taught = {one["example"]["id"]: [row["stage"] for row in one["trained"]] for one in every}
    assert sorted(map(tuple, taught.values())) == [(), ("train-1",)]
    (left_out,) = (id for id, stages in taught.items() if not stages)
    told = call("dataenvgym", "trace", left_out, cwd=repo).stdout
    assert "taught   no student: no training took it" in told
