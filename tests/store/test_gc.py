"""What no spec needs is removed, whole and downstream first; DVC's cache can restore it."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.questions.garbage import garbage, needed
from dataenvgym_spec.store.gc import (
    named_elsewhere,
    nobody_at_work,
    present,
    remove,
)
from dataenvgym_spec.store.git.revisions import reached_at, revisions
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.locks import held
from tests.support.repositories import call, new_repo
from tests.support.runs import executed
from tests.support.specs import TINY, tiny

CHANGED = TINY.replace("floor: 0.2", "floor: 0.9")
Run = Callable[..., subprocess.CompletedProcess[str]]


@st.composite
def stores(draw: st.DrawFn) -> tuple[dict[str, frozenset[str] | None], set[str]]:
    """Stages that read earlier ones, some with an unreadable file, and some of them reached."""
    names = [f"s{number}" for number in range(draw(st.integers(0, 12)))]
    reads: dict[str, frozenset[str] | None] = {}
    for number, name in enumerate(names):
        known = draw(st.booleans()) or draw(st.booleans())
        reads[name] = (
            frozenset(draw(st.sets(st.sampled_from(names[:number]))))
            if number and known
            else frozenset()
            if known
            else None
        )
    return reads, draw(st.sets(st.sampled_from([*names, "not there"])))


@given(stores())
def test_what_is_kept_lacks_nothing_wherever_the_removal_stops(
    case: tuple[dict[str, frozenset[str] | None], set[str]],
) -> None:
    reads, reached = case
    gone = garbage(reads, reached)
    assert {*gone} == {*reads} - needed(reads, reached)
    assert len({*gone}) == len(gone)
    assert not {*gone} & reached
    for stop in range(len(gone) + 1):
        left = {*reads} - {*gone[:stop]}
        assert all(read in left or read not in reads for name in left for read in reads[name] or ())


def test_a_circle_made_by_hand_is_removed_too() -> None:
    assert set(garbage({"a": ["b"], "b": ["a"], "c": []}, ["c"])) == {"a", "b"}


def directories(repo: Path) -> set[str]:
    return {path.name for path in (repo / "store").iterdir()}


def write(repo: Path, text: str) -> None:
    (repo / "specs" / "tiny.yaml").write_text(text, encoding="utf-8")


def test_what_was_removed_comes_back_without_running(copy_of_finished: Path) -> None:
    repo = copy_of_finished
    before = directories(repo)
    call("git", "add", "-A", cwd=repo)
    call("git", "commit", "-qm", "results", cwd=repo)
    write(repo, CHANGED)
    call("dataenvgym", "compile", cwd=repo)
    both = directories(repo)
    assert both > before
    kept = call("dataenvgym", "gc", "--rev", "HEAD", "--yes", cwd=repo)
    assert "nothing to remove" in kept.stdout
    asked = call("dataenvgym", "gc", cwd=repo)
    assert asked.stdout.endswith("nothing was removed; run with --yes\n")
    assert "have to be made again" not in asked.stdout
    assert directories(repo) == both
    found = json.loads(call("dataenvgym", "gc", "--json", cwd=repo).stdout)
    assert found["removed"] is False
    assert all(
        row["restorable"] and row["locked_in_git"] and row["log"] > 0 for row in found["leftovers"]
    )
    said = call("dataenvgym", "gc", "--yes", cwd=repo).stdout
    gone = both - directories(repo)
    assert gone == {row["directory"] for row in found["leftovers"]}
    assert gone < before
    assert f"not needed: {len(gone)} stages" in said
    assert f"removed {len(gone)} stages" in said
    assert {name.rpartition("-")[0] for name in gone} >= {
        "plan",
        "generate",
        "check",
        "train",
        "evaluate",
    }
    assert not any((repo / ".dataenvgym" / "scratch" / name).exists() for name in gone)
    assert not (repo / ".dataenvgym" / "trash").exists()
    write(repo, TINY)
    call("dataenvgym", "compile", cwd=repo)
    assert executed(repo) == set()
    assert before <= directories(repo)
    assert json.loads(call("dataenvgym", "report", "tiny", "--json", cwd=repo).stdout)
    # Without DVC's cache nothing comes back, and that is said before anything is removed.
    write(repo, CHANGED)
    call("dataenvgym", "compile", cwd=repo)
    shutil.rmtree(repo / ".dvc" / "cache" / "runs")
    assert (
        f"{len(gone)} of them would have to be made again"
        in call("dataenvgym", "gc", cwd=repo).stdout
    )


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The spec was compiled, committed, changed and compiled again. Copy it to change it."""
    repo = new_repo(tmp_path_factory.mktemp("gc") / "repo")
    call("dataenvgym", "compile", cwd=repo)
    call("git", "add", "-A", cwd=repo)
    call("git", "commit", "-qm", "first", cwd=repo)
    write(repo, CHANGED)
    call("dataenvgym", "compile", cwd=repo)
    return repo


@pytest.fixture
def changed(template: Path, tmp_path: Path) -> Path:
    """A private copy of it."""
    return Path(shutil.copytree(template, tmp_path / "repo", symlinks=True))


def test_what_a_user_s_own_stage_reads_is_kept_with_all_it_reads(changed: Path) -> None:
    layout = Layout(root=changed)
    known = present(layout)
    old = {
        *json.loads(call("git", "show", "HEAD:experiments/tiny.json", cwd=changed).stdout)[
            "stages"
        ][-1]["directory"].split()
    }
    (mine,) = old
    (changed / "analysis").mkdir()
    (changed / "analysis" / "dvc.yaml").write_text(
        f"stages:\n  look:\n    cmd: 'true'\n    deps: [../store/{mine}/out/test]\n",
        encoding="utf-8",
    )
    (changed / "store" / "notes").mkdir()
    call("dataenvgym", "gc", "--yes", cwd=changed)
    assert needed(known, [mine]) <= directories(changed)
    assert "notes" in directories(changed)


def test_copies_for_a_noise_floor_that_is_given_up_go_and_nothing_else_does(tmp_path: Path) -> None:
    """Nobody reads them: neither may they keep what they were made of, nor it them."""
    repo = new_repo(tmp_path / "repo", tiny(noise={"reevaluate": 2, "retrain": 1}))
    call("dataenvgym", "compile", cwd=repo)
    known = present(Layout(root=repo))
    (repo / "specs" / "tiny.yaml").write_text(TINY, encoding="utf-8")
    call("dataenvgym", "compile", cwd=repo)
    index = json.loads((repo / "experiments" / "tiny.json").read_text(encoding="utf-8"))
    reached = {stage["directory"] for stage in index["stages"]}
    gone = garbage(known, reached)
    assert sorted(name.partition("-")[0] for name in gone) == ["evaluate"] * 3 + ["train"]
    # The copied student's answers go before the student itself.
    (trained,) = (name for name in gone if name.startswith("train-"))
    (judged,) = (name for name in gone if trained in (known[name] or ()))
    assert gone.index(judged) < gone.index(trained)
    call("dataenvgym", "gc", "--yes", cwd=repo)
    assert directories(repo) == reached


def test_branches_tags_and_revisions_keep_what_they_name(changed: Path) -> None:
    layout = Layout(root=changed)
    call("git", "tag", "v1", cwd=changed)
    for option in (["--all-branches"], ["--all-tags", "--keep-rev", "v1"]):
        assert (
            json.loads(call("dataenvgym", "gc", "--json", *option, cwd=changed).stdout)["leftovers"]
            == []
        )
    assert revisions(layout, branches=True, tags=True) == ["refs/heads/main", "refs/tags/v1"]
    assert reached_at(layout, ["v1"])["v1"] <= directories(changed)
    for revision in ("nowhere", "--help", "v1:specs/tiny.yaml"):
        with pytest.raises(UserError, match=f"git has no revision '{revision}'"):
            reached_at(layout, [revision])
    (changed / "experiments" / "tiny.json").write_text("{}", encoding="utf-8")
    call("git", "commit", "-qam", "damaged", cwd=changed)
    with pytest.raises(UserError, match="no compiled experiment"):
        reached_at(layout, ["HEAD"])


def test_without_git_nothing_is_assumed(changed: Path) -> None:
    layout = Layout(root=changed)
    (changed / "analysis").mkdir()
    (changed / "analysis" / "dvc.yaml").write_text(
        "stages:\n  look:\n    cmd: 'true'\n    deps: [../store/train-0123456789abcdef/log]\n",
        encoding="utf-8",
    )
    known = named_elsewhere(layout)
    shutil.rmtree(changed / ".git")
    assert named_elsewhere(layout) == known >= {"train-0123456789abcdef"}
    with pytest.raises(UserError, match="git does not tell the branches"):
        revisions(layout, branches=True, tags=False)


def test_specs_with_errors_and_specs_that_are_not_compiled_stop_it(changed: Path) -> None:
    before = directories(changed)
    write(changed, TINY)
    refused = call("dataenvgym", "gc", "--yes", cwd=changed, ok=False)
    assert refused.returncode == 2
    assert "what is compiled is not what the specs say" in refused.stderr
    assert "run: dataenvgym compile" in refused.stderr
    write(changed, CHANGED)
    (changed / "specs" / "other.yaml").write_text(
        TINY.replace("iterations", "iteration"), encoding="utf-8"
    )
    refused = call("dataenvgym", "gc", "--yes", cwd=changed, ok=False)
    assert refused.returncode == 2
    assert (
        "nothing was removed, because a spec with errors does not say what it needs"
        in refused.stderr
    )
    assert "specs/other.yaml:" in refused.stderr
    assert directories(changed) == before


def test_it_waits_for_nobody_who_is_at_work(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    busy = [
        layout.lock("run"),
        tmp_path / ".dvc" / "tmp" / "lock",
        layout.lock("train-0123456789abcdef"),
    ]
    for path, who in zip(
        busy, ("'dataenvgym run'", "DVC", "'train-0123456789abcdef'"), strict=True
    ):
        with (
            held(path),
            pytest.raises(UserError, match=f"{who} is .*nothing was removed"),
            nobody_at_work(layout),
        ):
            pass
    ended = subprocess.Popen(["true"])
    ended.wait()
    for pid, works in ((os.getpid(), True), (ended.pid, False)):
        (tmp_path / ".dvc" / "tmp" / "rwlock").write_text(
            json.dumps({"read": {}, "write": {"x": {"pid": pid, "cmd": "dvc repro"}}}),
            encoding="utf-8",
        )
        if works:
            with pytest.raises(UserError, match=f"process {pid}"), nobody_at_work(layout):
                pass
        else:
            with nobody_at_work(layout), held(layout.lock("run")) as got:
                assert not got


def test_what_failed_on_a_node_goes_with_its_stage(changed: Path) -> None:
    layout, garbage_now = Layout(root=changed), leftovers(changed)
    old = garbage_now["plan"]["directory"]
    (needed_now,) = (path.name for path in layout.store.glob("student-*"))
    unknown = "train-0123456789abcdef"
    for name in (old, f"{old}.1-of-2", needed_now, unknown):
        (layout.nodes / name / "store").mkdir(parents=True)
        (layout.nodes / name / "store" / "half.bin").write_bytes(b"x" * 1000)
        (layout.nodes / f"{name}.lock").touch()
    (layout.nodes / "home.txt").write_text("token", encoding="utf-8")
    found = leftovers(changed)
    assert found["plan"]["scratch"] == garbage_now["plan"]["scratch"] + 2000
    assert found["train"]["scratch"] == 1000
    with held(layout.nodes / f"{old}.1-of-2.lock"):
        said = call("dataenvgym", "gc", "--yes", cwd=changed, ok=False)
        assert "is being made; nothing was removed" in said.stderr
    call("dataenvgym", "gc", "--yes", cwd=changed)
    left = {path.name for path in layout.nodes.iterdir()}
    assert left == {needed_now, f"{needed_now}.lock", "home.txt"}
    assert not (layout.private / "trash").exists()


def leftovers(repo: Path) -> dict[str, dict[str, Any]]:
    """What `gc` would remove, of each kind the stage on which the most work is left."""
    rows = json.loads(call("dataenvgym", "gc", "--json", cwd=repo).stdout)["leftovers"]
    return {row["kind"]: row for row in sorted(rows, key=lambda row: row["scratch"])}


def test_dvc_does_not_start_beside_it(changed: Path) -> None:
    with nobody_at_work(Layout(root=changed)):
        refused = call("dvc", "repro", "tiny", cwd=changed, ok=False)
    assert refused.returncode != 0
    assert "lock" in refused.stderr


def test_a_removal_that_is_stopped_leaves_whole_stages_and_is_finished_later(
    changed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(root=changed)
    reads = present(layout)
    kept = frozenset(
        row["directory"]
        for row in json.loads((changed / "experiments" / "tiny.json").read_text(encoding="utf-8"))[
            "stages"
        ]
    )
    order = garbage(reads, kept)
    rename, done = Path.rename, []

    def stopping(path: Path, target: Path) -> Path:
        if len(done) == len(order) // 2:
            raise OSError(5, "stopped", str(path))
        done.append(path.name)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", stopping)
    with pytest.raises(UserError, match="cannot be removed: stopped"):
        remove(layout, order)
    monkeypatch.undo()
    left = present(layout)
    assert len(left) == len(reads) - len(order) // 2
    assert all(found is not None and found <= left.keys() for found in left.values())
    call("dvc", "status", cwd=changed)
    call("dataenvgym", "gc", "--yes", cwd=changed)
    assert present(layout).keys() == kept
    assert not (changed / ".dataenvgym" / "trash").exists()
