"""What a compile writes: what changed, where it belongs, and of active specs only."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import CompletedProcess

import yaml

from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.emit.entry import entry, entry_file, home, plots
from dataenvgym_spec.emit.write import write
from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.dvc.dialect import dump
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.locks import held
from tests.support.repositories import new_repo
from tests.support.specs import TINY
from tests.support.waiting import wait_until

MATRIX = "matrix: {student.train.learning_rate: [1e-3, 2e-3], agent.policy.floor: [0.1, 0.2]}\n"


def written(repo: Path) -> dict[str, int]:
    """When each compiled file was written."""
    files = [
        path
        for pattern in ("dvc.yaml", "store/*/*", "experiments/**/*")
        for path in repo.glob(pattern)
        if path.is_file()
    ]
    return {path.relative_to(repo).as_posix(): path.stat().st_mtime_ns for path in files}


def test_a_recompile_rewrites_only_what_changed(
    repo: Path, dataenvgym: Callable[..., CompletedProcess[str]]
) -> None:
    (repo / "specs" / "other.yaml").write_text(
        TINY.replace("name: tiny", "name: other").replace(
            "learning_rate: 1e-3", "learning_rate: 5e-4"
        )
    )
    (repo / "specs" / "sweep.yaml").write_text(TINY.replace("name: tiny", "name: sweep") + MATRIX)
    assert dataenvgym("compile").returncode == 0
    before = written(repo)
    assert dataenvgym("compile").returncode == 0
    assert written(repo) == before
    (repo / "specs" / "other.yaml").write_text(
        TINY.replace("name: tiny", "name: other").replace(
            "learning_rate: 1e-3", "learning_rate: 6e-4"
        )
    )
    assert dataenvgym("compile").returncode == 0
    after = written(repo)
    assert {path for path, stamp in before.items() if after[path] != stamp} == {
        "dvc.yaml",
        "experiments/other.json",
    }
    new = after.keys() - before.keys()
    assert {path.split("/")[1].partition("-")[0] for path in new} >= {"train"}
    assert all(path.startswith("store/") for path in new)


def test_equal_files_at_two_paths_are_one_stage_that_stays_as_it_is(
    repo: Path, dataenvgym: Callable[..., CompletedProcess[str]]
) -> None:
    rows = "".join(f'{{"q": "{number} + 1", "a": "{number + 1}"}}\n' for number in range(300))
    for name in ("one", "two"):
        (repo / "specs" / f"{name}.jsonl").write_text(rows, encoding="utf-8")
        fields = "{input: q, target: a}"
        source = f"    exam: {{kind: jsonl, path: {name}.jsonl, fields: {fields}}}\n  score:"
        text = (
            TINY.replace("name: tiny", f"name: {name}")
            .replace("  score:", source, 1)
            .replace(
                "test: {from: problems, draw: {per_group: 6}}",
                "test: {from: exam, draw: {items: 6}}",
            )
        )
        (repo / "specs" / f"{name}.yaml").write_text(text, encoding="utf-8")
    assert dataenvgym("compile", "specs/one.yaml").returncode == 0
    before = written(repo)
    assert dataenvgym("compile", "specs/two.yaml").returncode == 0
    assert {path for path, stamp in written(repo).items() if before.get(path) != stamp} == {
        "dvc.yaml",
        "experiments/two.json",
    }
    assert dataenvgym("compile").returncode == 0
    assert dataenvgym("compile", "specs/two.yaml", "--check").stdout == "up to date\n"
    # What no longer holds the same is no longer named.
    (repo / "specs" / "one.jsonl").write_text(rows * 2, encoding="utf-8")
    assert dataenvgym("compile", "specs/two.yaml").returncode == 0
    (stage,) = (
        path
        for path in repo.glob("store/*/stage.json")
        if "specs/two.jsonl" in path.read_text(encoding="utf-8")
        and path.parent.name.startswith("data-")
    )
    assert "specs/one.jsonl" not in stage.read_text(encoding="utf-8")


def test_only_what_was_compiled_is_taken_away(
    repo: Path, dataenvgym: Callable[..., CompletedProcess[str]]
) -> None:
    (repo / "specs" / "sweep.yaml").write_text(TINY.replace("name: tiny", "name: sweep") + MATRIX)
    assert dataenvgym("compile").returncode == 0
    points = sorted(path for path in (repo / "experiments").iterdir() if path.is_dir())
    mine = [
        repo / "experiments" / name
        for name in (
            "notes/a.txt",
            "notes.json",
            ".ipynb_checkpoints/x",
            f"{points[0].name}/mine.txt",
        )
    ]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}", encoding="utf-8")
    (repo / "specs" / "sweep.yaml").unlink()
    # An index that is gone does not make an entry the user's own.
    (repo / "experiments" / "tiny.json").unlink()
    (repo / "specs" / "tiny.yaml").write_text(
        TINY.replace("name: tiny", "name: other"), encoding="utf-8"
    )
    assert dataenvgym("compile").returncode == 0
    assert all(path.exists() for path in mine)
    assert not any(path.exists() for path in points[1:])
    assert [path.name for path in points[0].iterdir()] == ["mine.txt"]
    assert set(yaml.safe_load((repo / "dvc.yaml").read_text(encoding="utf-8"))["stages"]) == {
        "other"
    }
    assert dataenvgym("compile", "--check").stdout == "up to date\n"


def test_what_a_killed_compile_left_is_in_nobodys_way(tmp_path: Path) -> None:
    staging = tmp_path / "staging"
    (staging / f"a.{os.getpid()}").mkdir(parents=True)
    (staging / f"a.{os.getpid()}" / "dvc.yaml").write_text("half", encoding="utf-8")
    assert atomic.write_directory(tmp_path / "store" / "a", {"dvc.yaml": "whole"}, staging=staging)
    assert (tmp_path / "store" / "a" / "dvc.yaml").read_text(encoding="utf-8") == "whole"
    assert not list(staging.iterdir())


def test_each_point_of_a_sweep_has_an_entry_of_its_own(
    repo: Path, dataenvgym: Callable[..., CompletedProcess[str]]
) -> None:
    (repo / "specs" / "tiny.yaml").write_text(TINY + MATRIX, encoding="utf-8")
    assert "next: dataenvgym run tiny-" in dataenvgym("compile").stdout
    assert yaml.safe_load((repo / "dvc.yaml").read_text(encoding="utf-8"))["stages"] == {}
    graph = lower(front_end(Layout(root=repo).specs(), root=repo)).graph
    assert len(graph.entries) == 4
    for item in graph.entries:
        stages = {item.name: {**entry(item, graph), "wdir": "../.."}}
        content = {"plots": plots(item), "stages": stages}
        text = (repo / home(item) / "dvc.yaml").read_text(encoding="utf-8")
        assert text == entry_file(item, graph) == dump(content)
    (repo / "specs" / "tiny.yaml").write_text(TINY, encoding="utf-8")
    dataenvgym("compile")
    assert sorted(path.name for path in (repo / "experiments").iterdir()) == ["tiny.json"]


def test_a_spec_in_a_folder_is_not_active_until_it_is_named(
    repo: Path, dataenvgym: Callable[..., CompletedProcess[str]]
) -> None:
    (repo / "specs" / "library").mkdir()
    text = (
        TINY.replace("name: tiny", "name: shelf")
        .replace("prompts/tiny.j2", "../prompts/tiny.j2")
        .replace("learning_rate: 1e-3", "learning_rate: 5e-4")
    )
    (repo / "specs" / "library" / "shelf.yaml").write_text(text, encoding="utf-8")
    dataenvgym("compile")
    before = written(repo)
    assert not [path for path in before if "shelf" in path]
    dataenvgym("compile", "specs/library/shelf.yaml")
    assert "experiments/shelf.json" in written(repo)
    assert sum(path.startswith("store/train-") for path in written(repo)) > sum(
        path.startswith("store/train-") for path in before
    )
    assert {"tiny", "shelf"} == set(
        yaml.safe_load((repo / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    )
    # A compile of all that is active takes its entry away again; stages stay where they are.
    dataenvgym("compile")
    assert "experiments/shelf.json" not in written(repo)


def test_two_that_compile_at_once_lose_no_entry(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo")
    layout = Layout(root=repo)
    graph = lower(front_end([repo / "specs" / "tiny.yaml"], root=repo)).graph
    lock = layout.lock("compile")
    with ThreadPoolExecutor() as pool:
        with held(lock):
            later = pool.submit(write, graph, layout, everything=False)
            wait_until(lambda: _is_waited_for(lock) or later.done(), "another one at the lock")
            layout.pipeline.write_text("stages: {mine: {cmd: echo}}\n", encoding="utf-8")
        later.result()
    stages = yaml.safe_load(layout.pipeline.read_text(encoding="utf-8"))["stages"]
    assert sorted(stages) == ["mine", "tiny"]


def _is_waited_for(lock: Path) -> bool:
    """Whether somebody waits for a lock, as the kernel says: `1: -> FLOCK ... 00:2a:1234 0 EOF`."""
    waiters = [line for line in Path("/proc/locks").read_text().splitlines() if "->" in line]
    return any(f":{lock.stat().st_ino} " in line for line in waiters)
