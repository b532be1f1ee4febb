"""The specs of `specs/library/paper`: locked against a hub of the tests' own, and what they say."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from dataenvgym_spec.compile.compiler import front_end
from dataenvgym_spec.core.roots import VARIABLE as ROOTS
from dataenvgym_spec.language.spec import Experiment
from tests.support.hub import serving
from tests.support.published import published
from tests.support.repositories import ROOT, call

PAPER = ROOT / "specs" / "library" / "paper"
DOMAINS = ("code", "math", "naturalbench", "tools", "vqa")
ENVIRONMENTS = ("open-ended", "skill-list", "skill-tree")
KINDS = ("faithful", "corrected")
NAMES = sorted(
    f"{domain}-{environment}-{kind}"
    for domain in DOMAINS
    for environment in ENVIRONMENTS
    for kind in KINDS
)
Arms = dict[str, dict[str, Experiment]]
COMMITS = {
    ("datasets", "EleutherAI/hendrycks_math", "main"): "a" * 40,
    ("models", "google/gemma-2-2b-it", "main"): "b" * 40,
    ("models", "meta-llama/Meta-Llama-3-8B-Instruct", "main"): "c" * 40,
    ("models", "google/paligemma-3b-pt-224", "main"): "d" * 40,
    ("models", "stabilityai/sdxl-turbo", "main"): "e" * 40,
}


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A repository with the specs, their files, and what `dataenvgym lock` wrote of a hub on this machine."""
    folder = tmp_path_factory.mktemp("paper")
    (folder / "repo" / ".dvc").mkdir(parents=True)
    repo = folder / "repo"
    shutil.copytree(PAPER, repo / "specs" / "library" / "paper")
    paths = [f"specs/library/paper/{name}.yaml" for name in NAMES]
    with patch.dict(os.environ, {ROOTS: f"data={published(folder / 'data')}"}):
        with serving(COMMITS) as hub:
            reach = {**hub.reach(folder / "home"), ROOTS: os.environ[ROOTS]}
            call("dataenvgym", "lock", *paths, cwd=repo, **reach)
            assert {*hub.asked} == {*COMMITS}
        yield repo


@pytest.fixture(scope="module")
def arms(repo: Path) -> Arms:
    """The arms of each spec, complete. What they compile to is looked at beside their page."""
    paths = [repo / "specs" / "library" / "paper" / f"{name}.yaml" for name in NAMES]
    specs = front_end(paths, root=repo)
    return {
        name: {arm.name: arm.experiment for arm in spec.arms}
        for name, spec in zip(NAMES, specs, strict=True)
    }


def test_every_domain_has_every_environment_twice() -> None:
    assert sorted(path.stem for path in PAPER.glob("*.yaml")) == NAMES


def test_no_revision_is_invented() -> None:
    """Which commits the paper used is not known; a spec says so, and the lock of a user pins what is there."""
    texts = [path.read_text(encoding="utf-8") for path in PAPER.rglob("*") if path.is_file()]
    assert sum(text.count("revision: main") for text in texts) == 6
    assert sum(text.count("revision:") for text in texts) == 6


def test_nothing_is_written_twice() -> None:
    """No two files that specs are put together of say the same in the same words."""
    said: Counter[str] = Counter()
    for path in (PAPER / "base").glob("*.yaml"):
        lines = path.read_text(encoding="utf-8").splitlines()
        # What a list of another file has, one that replaces it has to say again.
        said.update(line for line in lines if len(line) > 60 and not line.strip().startswith("-"))
    assert {line for line, count in said.items() if count > 1} == set()


def test_what_is_wrong_is_named_and_every_description_is_another(arms: Arms) -> None:
    texts = {name: found["with-state"].description or "" for name, found in arms.items()}
    assert len({*texts.values()}) == len(NAMES)
    assert all("What is wrong with it:" in texts[name] for name in NAMES if "faithful" in name)


def test_the_lock_pins_all(repo: Path) -> None:
    lock = json.loads(next((repo / "specs").rglob("dataenvgym.lock.json")).read_text("utf-8"))
    pinned = {
        (f"{kind}s", name, revision): commit
        for kind, names in lock["hub"].items()
        for name, revisions in names.items()
        for revision, commit in revisions.items()
    }
    assert pinned == COMMITS


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_protocols_differ_and_the_setting_does_not(
    domain: str, environment: str, arms: Arms
) -> None:
    both = [arms[f"{domain}-{environment}-{kind}"] for kind in KINDS]
    faithful, corrected = (found["with-state"] for found in both)
    for experiment in (faithful, corrected):
        adapter = {"kind": "lora", "r": 16, "alpha": 32, "dropout": 0.05}
        assert experiment.student.train.adapter == adapter
        assert (experiment.loop.train_on, experiment.loop.start_from) == ("all", "base")
        assert [*experiment.baselines] == (["four-shot"] if domain == "math" else [])
    assert faithful.student.model == corrected.student.model
    assert faithful.task.sources == corrected.task.sources
    assert faithful.task.splits.selection.same_as == "feedback"
    assert corrected.task.splits.selection.same_as is None
    assert actions(faithful) == {"record"} and actions(corrected) == {"reject"}
    assert faithful.seeds.run == 0 and corrected.seeds.run == [0, 1, 2]
    for found in both:
        assert [*found][:2] == ["with-state", "no-state"]
        assert ("real-data" in found) == (found is both[1] and domain in ("math", "vqa"))


def actions(experiment: Experiment) -> set[str]:
    """What the checks do with an example that they object to; those that are off do nothing."""
    return {check["action"] for check in experiment.agent.checks.values()} - {"off"}


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_tree_of_the_paper_is_rewarded_as_there(domain: str, arms: Arms) -> None:
    trees = [arms[f"{domain}-skill-tree-{kind}"]["with-state"].environment for kind in KINDS]
    assert [tree["gain"] for tree in trees] == ["plain", "paired"]


def made_up(subjects: int = 7) -> dict[str, bytes]:
    """A data set with the configurations, splits and columns of MATH; a subject has 40 problems to learn from."""
    files, header = {}, ["---", "configs:"]
    for number in range(subjects):
        name = f"subject{number}"
        header += [f"- config_name: {name}", "  data_files:"]
        for split, count in (("train", 40), ("test", 2)):
            rows = [
                {
                    "problem": f"What is {number} + {row} in the {split}ing part?",
                    "solution": rf"It is $\boxed{{{number + row}}}$.",
                    "level": f"Level {row % 5 + 1}",
                    "type": name.title(),
                }
                for row in range(count)
            ]
            files[f"{name}/{split}.jsonl"] = "\n".join(map(json.dumps, rows)).encode()
            header += [f"  - split: {split}", f"    path: {name}/{split}.jsonl"]
    return {"README.md": "\n".join([*header, "---", ""]).encode(), **files}


CODE = """\
import sys
from pathlib import Path
from dataenvgym_spec.execute.run import run_stage
from dataenvgym_spec.store.layout import Layout
for path in sorted(Path("store").glob("data-*")):
    run_stage(Layout(root=Path.cwd()), path.name)
"""


def test_the_splits_are_drawn_from_the_columns_of_the_hub(repo: Path) -> None:
    """By the real client, in a process of its own: it reads where the hub is once."""
    spec = "specs/library/paper/math-open-ended-corrected.yaml"
    draws = {"selection": 2, "feedback": 4}
    sets = [f"--set=task.splits.{role}.draw.per_group={count}" for role, count in draws.items()]
    call("dataenvgym", "compile", spec, *sets, "--set=seeds.run=0", cwd=repo)
    with serving(COMMITS, {"EleutherAI/hendrycks_math": made_up()}) as hub:
        reach = hub.reach(repo.parent / "data")
        call(sys.executable, "-c", CODE, cwd=repo, apart=True, **reach)
    counts = {}
    for path in (repo / "store").glob("data-*/out/*/items.jsonl"):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        counts[path.parent.name] = Counter(row["group"] for row in rows)
    assert {len(groups) for groups in counts.values()} == {7}
    assert {*counts["test"].values()} == {2}
    assert {*counts["selection"].values()} == {2}
    assert sum(counts["shown"].values()) == sum(counts["hidden"].values()) == 14
    assert "pool" in counts
