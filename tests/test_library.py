"""The specs of `specs/library` run at a small size. As they stand they are compiled beside their page."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yaml

from dataenvgym_spec import load
from dataenvgym_spec.execute.run import run_stage
from dataenvgym_spec.records.files import parse_rows, read, read_all
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import Plan
from dataenvgym_spec.results.evidence.statistics import paired
from dataenvgym_spec.results.notebook import Notebook
from dataenvgym_spec.results.probes import answers_of, probed
from dataenvgym_spec.store.layout import Layout
from tests.support.learning import with_library
from tests.support.repositories import ROOT, call, environment
from tests.support.specs import merged
from tests.support.students import untrained
from tests.support.training import warm_trainers

SMALL: dict[str, Any] = {
    "task": {
        "splits": {
            "test": {"draw": {"per_group": 1}},
            "selection": {"draw": {"per_group": 1}},
            "feedback": {"draw": {"per_group": 2}, "show": 0.5},
        }
    },
    "student": {
        "model": {
            "hidden_size": 32,
            "intermediate_size": 64,
            "layers": 1,
            "heads": 2,
            "pretrain": {
                "examples": {"count13": None, "count16": None, "count20": None, "count10": 30},
                "length": {"steps": 4},
                "batch_size": 16,
            },
        },
        "train": {"length": {"steps": 4}, "batch_size": 16},
        "generate": {"max_new_tokens": 4},
    },
    "loop": {"iterations": 2, "teach": {"examples": 12}},
    "arms": {"no-state": None},
    "analysis": {"contrasts": []},
}
"""What makes any of them small: two iterations, a student of one layer, hardly any items."""


TINY_MODEL = {"hidden_size": 32, "intermediate_size": 64, "layers": 1, "heads": 2}
STATIC = ROOT / "specs" / "library" / "static.jsonl"
"""The data that were made once."""


def small(name: str, **more: Any) -> str:
    """A spec that extends one of the library and says less of everything."""
    head = {"version": 1, "name": f"small-{name}", "extends": f"library/{name}.yaml"}
    return yaml.safe_dump({**head, **merged(SMALL, more)}, sort_keys=False)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the specs that are shipped; what small ones share is made once."""
    return with_library(tmp_path_factory.mktemp("library") / "repo")


def written(repo: Path, text: str) -> str:
    """Compiles a spec; returns its name."""
    name = str(yaml.safe_load(text)["name"])
    path = repo / "specs" / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    call("dataenvgym", "compile", str(path.relative_to(repo)), cwd=repo)
    return name


def made(repo: Path, text: str) -> Notebook:
    """What an experiment has produced once all its stages ran, one after the other; DVC would start a process for each."""
    name = written(repo, text)
    with warm_trainers(repo), patch.dict(os.environ, environment()):
        for stage in load(name, root=repo).stages:
            if not stage.done:
                run_stage(Layout(root=repo), stage.path.name)
    return load(name, root=repo)


def accepted(results: Notebook) -> dict[tuple[str, int, int], int]:
    """Accepted examples of each arm, run seed and iteration."""
    return Counter((row.arm, row.seed, row.iteration) for row in results.examples() if row.accepted)


def require_whole(results: Notebook) -> None:
    """Every arm has a score of its best and its last student on the sealed test."""
    scored = {(row.arm, row.student) for row in results.scores() if row.split == "test"}
    assert scored >= {(arm, student) for arm in results.index.arms for student in ("best", "last")}
    assert all(stage.done for stage in results.stages)


@pytest.mark.slow
def test_open_ended_runs(shelf: Path) -> None:
    results = made(shelf, small("open-ended"))
    require_whole(results)
    assert {*accepted(results).values()} == {12}
    asked = {(row.arm, row.iteration): row.reason for row in results.plans()}
    assert asked["with-state", 1] == "2 prompts on 6 errors"
    assert {row.skill for row in results.examples()} == {"task"}
    plans = {row.plan for row in results.examples()}
    assert len(plans) == 4, "an arm asks as the other one does"


def test_skill_tree_runs(shelf: Path) -> None:
    # What is right now and then is nothing for a student that knows nothing.
    banded = {"agent": {"policy": {"each": 6}, "checks": {"difficulty": {"lowest": 0}}}}
    results = made(
        shelf, small("skill-tree", agent={"policy": {"each": 6}}, arms={"banded": banded})
    )
    require_whole(results)
    turns = {row.iteration: row.reason for row in results.plans() if row.arm == "alternating"}
    assert turns == {1: "its turn to be explored", 2: "it was explored in the plan before"}
    ways = [row.reason for row in results.plans() if row.arm == "banded" and row.asked]
    assert ways and all("easier" in reason for reason in ways), ways
    grown = [row.skill for row in results.plans() if row.arm == "with-state" and row.asked]
    assert len({*grown}) == len(grown) == 4, "an exploration begins with what was asked for least"


@pytest.mark.slow
def test_controls_run(shelf: Path) -> None:
    sizes = {
        "task": {"splits": {"pool": {"draw": {"per_group": 10}}}},
        "arms": {
            "no-state": {"agent": {"observe": "nothing"}},
            "one-shot": {"loop": {"teach": {"examples": 24}}},
            "equal-compute": {"data_from": {"length": {"steps": 4}}},
        },
    }
    results = made(shelf, small("controls", **sizes))
    require_whole(results)
    amounts = accepted(results)
    agents = {"with-state", "no-state", "equal-amounts", "random-amounts", "stale", "yoked"}
    for arm in agents:
        assert {(arm, seed, 1) for seed in (0, 1)} <= {*amounts}
    # By question and answer: a source may tell apart what a file does not, such as letter case, so that ids differ.
    rows = parse_rows(STATIC.read_text(encoding="utf-8"))
    made_once = {(row["input"], row["target"]) for row in rows}
    taught = [row for row in results.examples() if row.arm == "static-data" and row.accepted]
    static = [(row.input, row.target) for row in taught]
    assert len(static) == len(set(static)) * 2 == 48 and {*static} <= made_once
    assert {amounts["another-teacher", seed, 2] for seed in (0, 1)} == {12}


def test_the_data_that_were_made_once_are_a_whole_loop_of_each_skill() -> None:
    """As many as the quickstart teaches, in equal amounts, none twice, and right by the library's own scorers."""
    rows = parse_rows(STATIC.read_text(encoding="utf-8"))
    assert Counter(row["skill"] for row in rows) == dict.fromkeys(
        ("backward", "count10", "count13", "count16", "count20", "spiral"), 120
    )
    assert len({row["id"] for row in rows}) == len(rows) == 720
    source = {"count_bits": "binary", "spell_backward": "word", "spiral_matrix": "matrix"}
    for row in rows:
        shown, answer = row["metadata"], row["target"]
        value = shown[source[shown["source_dataset"]]]
        if shown["source_dataset"] == "count_bits":
            assert answer == str(value.count("1"))
        elif shown["source_dataset"] == "spell_backward":
            assert answer == value[::-1]
        else:
            (one, two), (four, three) = value
            assert answer == f"{one} {two} {three} {four}"


@pytest.mark.slow
def test_students_are_asked_other_test_sets_and_each_of_them_the_sealed_one(shelf: Path) -> None:
    drawn = {"test": 2, "selection": 1, "feedback": 2}
    splits: dict[str, Any] = {name: {"draw": {"per_group": n}} for name, n in drawn.items()}
    few = {
        "task": {"splits": {**splits, "probes": {"stories": {"draw": {"per_group": 2}}}}},
        "student": {
            "model": {**TINY_MODEL, "pretrain": {"length": {"steps": 4}, "batch_size": 16}},
            "train": {"length": {"steps": 4}, "batch_size": 16},
            "generate": {"max_new_tokens": 4},
        },
        "loop": {"iterations": 2, "teach": {"examples": 12}},
    }
    head = {"version": 1, "name": "small-elsewhere", "extends": "library/elsewhere.yaml"}
    results = made(shelf, yaml.safe_dump({**head, **few}, sort_keys=False))
    assert all(stage.done for stage in results.stages)
    assert {one.probe: {row.student for row in one.students} for one in probed(results)} == {
        "sums": {"base", "best", "last"},
        "stories": {"base", "best", "last"},
    }
    (run,) = results.runs
    tested = {number: answers_of(run.each[number]) for number in run.each}
    assert {number: len(rows) for number, rows in tested.items()} == {1: 8, 2: 8}


@pytest.mark.slow
def test_a_student_teaches_itself(shelf: Path) -> None:
    """One that knows something, or it would accept nothing of its own."""
    pretrain = {
        "examples": {"count13": 200, "count16": 200, "count20": 200, "count10": 200},
        "length": {"steps": 300},
        "batch_size": 64,
    }
    sizes = {
        "student": {"model": {"hidden_size": 64, "layers": 2, "pretrain": pretrain}},
        "seeds": {"run": [0]},
    }
    results = made(shelf, small("self-taught", **sizes))
    require_whole(results)
    taught = [row for row in results.examples() if row.accepted]
    assert {row.arm for row in taught} >= {"scorer", "majority"}
    # What the scorer accepts is right; what most answers say need not be.
    counted = [row for row in taught if row.skill.startswith("count") and row.arm != "with-state"]
    assert len({row.arm for row in counted}) == 2
    for row in counted:
        number = int(re.findall(r"\d+", row.input)[-1])
        assert row.arm == "majority" or row.target == str(number.bit_count()), row


@pytest.mark.slow
def test_preferences_and_rewards_raise_what_they_train_for(shelf: Path) -> None:
    """In each run, against the untaught student and against the control; rewards also where answers are drawn, as in training."""
    text = yaml.safe_dump({"version": 1, "name": "all-methods", "extends": "library/methods.yaml"})
    results = made(shelf, text)
    require_whole(results)
    right: dict[tuple[str, int, str], dict[str, bool]] = {}
    for row in results.items("test"):
        right.setdefault((row.arm, row.seed, row.student), {})[row.id] = row.correct
    controls = {
        "preferences": "tossed",
        "labels": "mislabelled",
        "rewards": "dealt",
        "rewards-drawn": "dealt-drawn",
    }
    for arm, control in controls.items():
        for seed in results.index.seeds:
            taught = right[arm, seed, "last"]
            for other in (right[arm, seed, "base"], right[control, seed, "last"]):
                assert len(taught) == len(other) == 300
                assert paired(taught, other).difference.low > 0, (arm, seed)


@pytest.mark.slow
def test_policies_run_at_equal_amounts(shelf: Path) -> None:
    arms = {"no-state": {"agent": {"observe": "nothing", "policy": {"kind": "even"}}}}
    results = made(shelf, small("policies", arms=arms, seeds={"run": [0]}))
    require_whole(results)
    amounts = accepted(results)
    assert {(arm, 0, number) for arm in results.index.arms for number in (1, 2)} == {*amounts}
    for (arm, _, _), amount in amounts.items():
        # Harder variants of a family may have answers that are too long, however often they are asked for.
        tree = results.settings[arm]["environment"] not in ("open-ended", "skill-list")
        assert 0 < amount <= 12 if tree else amount == 12, arm


@pytest.mark.slow
@pytest.mark.parametrize("name", ["llm-teacher", "llm-tree"])
def test_a_language_model_teaches(name: str, shelf: Path) -> None:
    """A real vLLM on the CPU and a model that is made here, which knows nothing: only the form of its answers is right."""
    folder = shelf / "specs" / "models" / "writer"
    if not folder.exists():
        untrained(folder, max_positions=4096)
    writer = {"model": {"kind": "path", "path": "models/writer"}, "dtype": "float32"}
    # A model that draws its letters ends each text some day: few skills, each with a reason, and room for them.
    few = {"families": dict.fromkeys(("count13", "count16", "count20"))}
    tasks = {
        "llm-teacher": {"splits": {"pool": {"draw": {"per_group": 2}}}},
        "llm-tree": {"sources": {"problems": few}},
    }
    text = small(
        name,
        teachers={"writer": {**writer, "max_tokens": 1600}},
        agent={"engine": {"per_call": 1, "top_up": 0}},
        task=tasks[name],
        loop={"iterations": 1, "teach": {"refill": 0}},
    )
    call("dvc", "repro", written(shelf, text), cwd=shelf, apart=True, timeout=3600)
    results = load(f"small-{name}", root=shelf)
    require_whole(results)
    examples = [row for row in results.examples() if row.accepted]
    assert examples and {row.teacher for row in examples} == {"vllm"}
    if name == "llm-teacher":
        labelled = {row.input: row.target for row in examples if row.arm == "labels"}
        files = [
            file for stage in results.stages for file in stage.path.glob("out/pool/items.jsonl")
        ]
        gold = {item.input: item.target for file in files for item in read_all(file, Item)}
        assert labelled and {*labelled} <= {*gold}
        assert all(gold[question] != answer for question, answer in labelled.items())
    else:
        decided = [row for row in results.plans() if "no usable answer" not in row.reason]
        assert decided, "the fallback held in every plan"
        plans = [
            stage.path / "out" / "plan" / "plan.json"
            for stage in results.stages
            if stage.kind == "plan"
        ]
        requests = [one for plan in plans for one in read(plan, Plan).asked()]
        assert any(one.subskill for one in requests), "nobody named a subskill"


@pytest.mark.slow
def test_what_is_seen_is_learned(shelf: Path) -> None:
    """As the spec stands, in each of its run seeds: not by guessing, nor from the texts alone."""
    head = {"version": 1, "name": "small-vqa", "extends": "library/vqa.yaml"}
    results = made(shelf, yaml.safe_dump(head))
    answers = results.items("test")
    clusters = {row.id: row.cluster for row in answers}
    right: dict[tuple[str, int, str], dict[str, bool]] = {}
    for row in answers:
        right.setdefault((row.arm, row.seed, row.student), {})[row.id] = row.correct
    usual: dict[str, Counter[str]] = {}
    for row in results.examples():
        usual.setdefault(row.input, Counter())[row.target] += 1
    guessed = {row.id: row.target == usual[row.input].most_common(1)[0][0] for row in answers}
    for seed in (0, 1, 2):
        seen = right["seen", seed, "last"]
        for other in (guessed, right["noise", seed, "last"], right["seen", seed, "base"]):
            assert paired(seen, other, clusters).difference.low > 0, seed
