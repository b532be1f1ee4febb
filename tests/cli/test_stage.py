"""`dataenvgym stage`: what it makes in any process, and after which stages it brings tracking up to date."""

import shutil
from pathlib import Path

import pytest

from dataenvgym_spec.cli import stage
from dataenvgym_spec.execute.run import Published
from dataenvgym_spec.store.layout import Layout
from tests.support.repositories import call, new_repo
from tests.support.specs import tiny

SETS = {
    "sum": {"dataset": "isomorphic_strings", "config": None},
    "lcm": {"dataset": "ransom_note", "config": None},
}
"""Families whose items reasoning-gym draws from sets of texts, which have an order of their own in each process."""


@pytest.mark.parametrize(
    ("kind", "experiments", "tracked"),
    [
        ("plan", ("a", "b"), ["a", "b"]),
        ("select", ("a",), ["a"]),
        ("train", ("a",), []),
        ("plan", ("a", "b", "c", "d", "e"), []),
    ],
)
def test_tracking_follows_the_stages_that_complete_an_iteration(
    kind: str,
    experiments: tuple[str, ...],
    tracked: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[str] = []

    def note(_layout: Layout, name: str) -> bool:
        started.append(name)
        return True

    monkeypatch.setattr("dataenvgym_spec.track.background.start_in_background", note)
    stage._track(Layout(root=tmp_path), Published(kind=kind, experiments=experiments))
    assert started == tracked


def test_items_are_the_same_in_every_process(tmp_path: Path) -> None:
    """In one that no worker serves, whatever it was started with, and in a worker."""
    sources = {"problems": {"families": SETS}}
    spec = tiny(task={"sources": sources, "score": {"kind": "exact-match"}})
    repo = new_repo(tmp_path / "repo", spec)
    (repo / "specs" / "prompts" / "tiny.j2").write_text("{{ input }}", encoding="utf-8")
    call("dataenvgym", "compile", cwd=repo)
    stage = next((repo / "store").glob("data-*"))
    made = set()
    for variables in ({"PYTHONHASHSEED": "53"}, {"PYTHONHASHSEED": "7", "DATAENVGYM_WARM": "0"}):
        call("dataenvgym", "stage", cwd=stage, **variables)
        items = sorted((stage / "out").rglob("items.jsonl"))
        made.add(tuple(path.read_text(encoding="utf-8") for path in items))
        shutil.rmtree(stage / "out")
        shutil.rmtree(repo / ".dataenvgym")
    assert len(made) == 1
