"""The work of `plan` in a repository of many stages: stage, lock and cache are read once each."""

import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from dataenvgym_spec.cli.common import load_project
from dataenvgym_spec.cli.pulling import Pulling
from dataenvgym_spec.cli.queued import Rounds
from dataenvgym_spec.compile.rules import table
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.questions.foresee import Settled
from dataenvgym_spec.questions.plan import plan
from dataenvgym_spec.resolve.arms import Resolved
from dataenvgym_spec.schedule.needs import Spread
from dataenvgym_spec.store.dvc.disk import Disk
from tests.fuzz.judge import run
from tests.support.counting import grows_no_faster_than_its_input, opened
from tests.support.made_up import make_up
from tests.support.repositories import new_repo
from tests.support.specs import TINY

SIZES = (1, 2, 4, 8)
"""Arms of the experiments; with 8 of them it is 530 stages."""

POINTS = 12
"""Experiments of a sweep."""


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of some experiments of many arms, each stage of which is done."""
    base = (
        TINY[: TINY.index("arms:")]
        .replace("iterations: 2", "iterations: 8")
        .replace("examples: 30", "examples: 20")
    )
    repo = new_repo(
        tmp_path_factory.mktemp("plan") / "repo", base.replace("name: tiny", "name: one")
    )
    for size in SIZES:
        arms = "".join(
            f"  a{number}: {{agent: {{policy: {{power: {1 + number / 100}}}}}}}\n"
            for number in range(size)
        )
        text = f"{base}arms:\n{arms}".replace("name: tiny", f"name: arms-{size}")
        (repo / "specs" / f"arms-{size}.yaml").write_text(text, encoding="utf-8")
    swept = base.replace("name: tiny", "name: swept").replace("iterations: 8", "iterations: 1")
    points = f"matrix: {{student.train.learning_rate: {[point / 1000 for point in range(1, POINTS + 1)]}}}\n"
    (repo / "specs" / "swept.yaml").write_text(
        f"{swept}limits: {{hours: 1000}}\n{points}", encoding="utf-8"
    )
    assert make_up(repo) > 500
    return repo


def planned(name: str) -> str:
    """What `plan` says of an experiment of which nothing but the report is to be run."""
    code, out, complaints = run(("plan", name))
    assert code == 0, complaints
    assert f"{name}: 1 run, " in out
    return out


def test_a_plan_reads_each_file_of_its_stages_once(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repo)
    for name, stages in (("one", 70), ("arms-8", 500)):
        planned(name)
        times: Counter[Path] = Counter()
        for path, count in opened(lambda name=name: planned(name)).items():
            times[Path(os.path.relpath(repo / path, repo))] += count
        own = {path: count for path, count in times.items() if path.parts[0] == "store"}
        # A log is read for the plan and for its costs.
        assert {path.name for path, count in own.items() if count == 2} == {"run.json"}
        assert max(own.values()) == 2
        cached = {
            path: count for path, count in times.items() if path.parts[:2] == (".dvc", "cache")
        }
        assert max(cached.values(), default=1) == 1
        # No folder of another experiment is looked into.
        reused = int(planned(name).partition("1 run, ")[2].partition(" reuse")[0])
        assert stages <= reused
        assert len({path.parts[1] for path in own}) <= reused + 1


def test_twice_the_arms_are_at_most_twice_the_work(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repo)
    assert grows_no_faster_than_its_input(lambda size: planned(f"arms-{size}"), 2)


def test_experiments_of_a_sweep_share_what_is_read_for_them(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they share is read and looked at once, and not once for each: logs too, for limits."""
    monkeypatch.chdir(repo)
    checked: list[str] = []
    check = table.check

    def counted(spec: Resolved) -> list[Diagnostic]:
        checked.append(spec.base.name)
        return check(spec)

    monkeypatch.setattr(table, "check", counted)

    def queued() -> None:
        project = load_project(("swept",), root=repo)
        entries = project.compiled.graph.entries
        assert len(entries) == POINTS
        rounds = Rounds(
            project=project,
            spread=Spread(),
            gpus=0,
            variables={},
            pulling=Pulling(False),
            ignore_limits=False,
        )
        assert len(rounds.next(entries).works) == POINTS
        assert all(rounds.limits[item.name] for item in entries)

    for ask in (queued, lambda: run(("plan", "swept"))):
        checked.clear()
        files = {path: count for path, count in opened(ask).items() if "/store/" in path}
        assert len(checked) == len(set(checked)) == POINTS
        assert len(files) > POINTS
        # A log is read for the plan and for its costs.
        assert {Path(path).name for path, count in files.items() if count == 2} == {"run.json"}
        assert max(files.values()) == 2


def test_a_plan_made_with_others_is_the_plan_made_alone(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where results of stages that a sweep shares are lost, here and in the cache."""
    copy = Path(shutil.copytree(repo, tmp_path / "repo", symlinks=True))
    monkeypatch.chdir(copy)
    project = load_project(("swept",), root=copy)
    graph, layout = project.compiled.graph, project.layout
    actions: Counter[str] = Counter()
    shared = 0
    for kind in ("evaluate", "student", "data"):
        lost = next(stage for stage in graph.stages if stage.kind == kind)
        lock = Disk(layout).lock(f"store/{lost.directory}", kind)
        assert lock is not None
        # All logs are alike here, and with that of one those of all would be lost.
        for digest in (digest for path, digest in lock.outs.items() if path != "log"):
            (copy / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]).unlink()
        shutil.rmtree(layout.stage(lost.directory) / "out")
        world, settled = Disk(layout), dict[str, Settled]()
        for item in graph.entries:
            together = plan(graph, item, world, settled=settled)
            assert together == plan(graph, item, Disk(layout))
            actions.update(step.action for step in together)
        # What does not hold in every experiment is not taken from another one.
        assert len(settled) < len(graph.stages)
        shared += len(settled)
    assert shared
    assert actions["run"] > len(graph.entries) and actions["reuse"]
