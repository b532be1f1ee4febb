"""Every port, fact and log of every stage kind is shown by the tracking server, or says why not."""

import dataclasses
import json
import re
from pathlib import Path

import msgspec

from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.graph.params import DataParams, EvaluateParams
from dataenvgym_spec.graph.skill_params import LabelParams
from dataenvgym_spec.gym.students.trainers.protocol import Pair
from dataenvgym_spec.records.files import write_rows
from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.records.plans import Plan
from dataenvgym_spec.records.skills import SkillTree
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.results.fates import Fates
from dataenvgym_spec.results.ledger import Cost
from dataenvgym_spec.track.ports import (
    FACTS,
    HIDDEN,
    LEARNED,
    LEDGER,
    LOGS,
    PLAN,
    SHOWN,
    TREE,
    UNCOUNTED,
    UNSHOWN,
    YIELD,
)
from dataenvgym_spec.track.project import project
from dataenvgym_spec.track.runs import Artifact, ExperimentRecord
from tests.support.graphs import compiled
from tests.support.repositories import PACKAGE
from tests.support.specs import TINY
from tests.support.taught import Taught

POOL = ("student:\n", "    pool: {from: problems, draw: {per_group: 40}}\nstudent:\n")
CHECKS = ("duplicate: {action: reject}", "duplicate: {action: reject}, known: {action: record}")
GOLD = ("{kind: gold}", "{kind: clusters, count: 2}, label: [selection, test]")
EVERYTHING = (
    TINY.replace(*GOLD, 1)
    .replace(*POOL, 1)
    .replace(*CHECKS, 1)
    .replace("teach:", "stop: {patience: 1}\n  teach:")
)
CHOOSING = "  chosen: {environment: open-ended, agent: {policy: {kind: mistaken}}}\n"
NAMED_BY_PARAMS = (DataParams, EvaluateParams, LabelParams)
"""Records of kinds whose ports depend on their parameters."""


def ports(folder: Path) -> set[tuple[str, str]]:
    """The ports of all kinds."""
    stages = compiled(
        folder,
        EVERYTHING.replace("  no-state: {agent: {observe: nothing}}\n", CHOOSING).partition(
            "analysis:"
        )[0],
    ).stages
    found = {(stage.kind, port) for stage in stages for port in stage.ports}
    for name, kind in KINDS.items():
        if kind.params not in NAMED_BY_PARAMS:
            found |= {(name, port) for port in kind.ports(None)}  # type: ignore[arg-type]  # the same whatever they are
    return found


def shown(record: ExperimentRecord) -> set[str]:
    """What the runs of an experiment show, as `metric NAME`, `artifact PATH` and so on."""
    found: set[str] = set()
    for run in record.runs:
        found |= {f"metric {metric.key}" for metric in run.metrics}
        found |= {f"artifact {artifact.path}" for artifact in run.artifacts}
        found |= {
            f"entry {artifact.path} {name}"
            for artifact in run.artifacts
            for name in names(artifact)
        }
        found |= {f"dataset {data.context}" for data in run.datasets}
        found |= {f"param {name}" for name, _ in run.params}
        found |= {f"tag {name}" for name, _ in run.tags}
        found |= {"student"} if run.student is not None else set()
    return found


def names(artifact: Artifact) -> set[str]:
    """What the ledger of an iteration says."""
    if not artifact.path.endswith("ledger.json"):
        return set()
    assert artifact.text is not None
    return set(json.loads(artifact.text)["all"])


def is_shown(promised: str, there: set[str]) -> bool:
    return any(name.startswith(promised) for name in there)


def test_every_port_is_shown_or_says_why_not(tmp_path: Path) -> None:
    assert not SHOWN.keys() & HIDDEN.keys()
    assert ports(tmp_path) == SHOWN.keys() | HIDDEN.keys()
    assert all(len(reason) > 20 for reason in HIDDEN.values())


def test_every_fact_of_a_log_is_shown_or_says_why_not() -> None:
    facts = {field.name for field in msgspec.structs.fields(Log)}
    assert not FACTS.keys() & UNSHOWN.keys()
    assert facts == FACTS.keys() | UNSHOWN.keys()


def test_every_file_of_a_log_is_listed() -> None:
    written = set()
    for path in (PACKAGE / "execute").rglob("*.py"):
        written |= set(re.findall(r'log / "([\w.-]+)"', path.read_text(encoding="utf-8")))
    assert written >= {"run.json", "loss.jsonl", "left-out.jsonl"}
    assert written | {"responses.jsonl"} == LOGS.keys()


def test_every_part_of_a_plan_a_tree_a_yield_and_the_ledger_is_shown(tmp_path: Path) -> None:
    """Each field of these records is entered, and what is entered is there."""
    for record, table in ((Plan, PLAN), (SkillTree, TREE)):
        assert {field.name for field in msgspec.structs.fields(record)} == table.keys()
    assert {field.name for field in dataclasses.fields(Cost)} == LEDGER.keys() | UNCOUNTED.keys()
    facts = {field.name for field in dataclasses.fields(Fates)}
    assert facts | {"candidates", "judged"} == YIELD.keys()
    Taught(tmp_path)
    there = shown(project(load("tiny", tmp_path)))
    for table in (PLAN, TREE, YIELD, LEDGER):
        assert {name for name, promised in table.items() if not is_shown(promised, there)} == set()


def test_a_finished_experiment_shows_what_is_promised(finished: Path, tmp_path: Path) -> None:
    there = shown(project(load("tiny", finished)))
    made = {(stage.kind, port) for stage in compiled(tmp_path, TINY).stages for port in stage.ports}
    missing = {pair for pair in made & SHOWN.keys() if not is_shown(SHOWN[pair], there)}
    assert missing == set()
    assert is_shown(LOGS["loss.jsonl"], there) and is_shown(LOGS["quality.json"], there)


def test_what_a_training_made_of_examples_is_a_data_set(tmp_path: Path) -> None:
    """Of the run of its iteration, with the file that holds it."""
    Taught(tmp_path)
    (first, *_) = sorted((tmp_path / "store").glob("train-*"))
    rows = [Pair(id=str(number), prompt="1 + 1 =", chosen="2", rejected="3") for number in range(3)]
    for learned in LEARNED:
        write_rows(first / "log" / learned.file, rows)
    record = project(load("tiny", tmp_path))
    there = shown(record)
    assert all(is_shown(LOGS[learned.file], there) for learned in LEARNED)
    data = {one.context: one for run in record.runs for one in run.datasets}
    assert data["pairs"].rows == 3
    assert data["pairs"].source == f"store/{first.name}/log/pairs.jsonl"
