"""What git is asked of earlier compiled forms of experiments."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from dataenvgym_spec.graph.ir import Stage, Use
from dataenvgym_spec.graph.parameters import Params
from dataenvgym_spec.store.git import history, program
from dataenvgym_spec.store.git.history import GROUP, CompiledVersions
from dataenvgym_spec.store.layout import Layout
from tests.support.commands import call

NEW = Stage(id="0" * 64, kind="plan", params=Params())


def test_git_is_asked_once_for_the_past_of_many_experiments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it says of each what it says if it is asked about that one alone."""
    repo, names = tmp_path, [f"e{number}" for number in range(2 * GROUP + 1)]
    call("git", "init", "-q", cwd=repo)
    (repo / "experiments").mkdir()
    for turn in range(3):
        for number, name in enumerate(names):
            # The last is not changed in every commit.
            made = 0 if name == names[-1] else turn
            use = {"arm": "a", "seed": 0, "label": "a, iteration 1/2, plan"}
            row = {"directory": f"plan-{number}-{made}", "uses": [use]}
            text = json.dumps({"stages": [row]})
            (repo / "experiments" / f"{name}.json").write_text(text, encoding="utf-8")
        call("git", "add", "-A", cwd=repo)
        user = ("-c", "user.name=A", "-c", "user.email=a@example.com")
        call("git", *user, "commit", "-qm", f"{turn}", cwd=repo)
    for name in names:
        (repo / "experiments" / f"{name}.json").unlink()
    for number in range(len(names)):
        folder = repo / "store" / f"plan-{number}-0"
        folder.mkdir(parents=True)
        (folder / "dvc.lock").touch()
        (folder / "stage.json").write_text(f'{{"key": "{number}"}}', encoding="utf-8")
    asked: list[str] = []
    ask = program.git

    def counted(layout: Layout, *arguments: str, stdin: bytes = b"") -> bytes | None:
        asked.append(arguments[0])
        return ask(layout, *arguments, stdin=stdin)

    monkeypatch.setattr(program, "git", counted)
    monkeypatch.setattr(history, "git", counted)
    layout = Layout(root=repo)
    together = CompiledVersions(layout, names)
    found = []
    for name in names:
        use = Use(experiment=name, arm="a", seed=0, iteration=1, iterations=9, what="plan")
        found.append(together.earlier(NEW, [use]))
    assert found == [{"key": str(number)} for number in range(len(names))]
    # Three versions, fifty experiments at a time; of the last one there is one version.
    assert Counter(asked) == {"log": 1, "cat-file": 3 + 3 + 1}
    asked.clear()
    use = Use(experiment=names[3], arm="a", seed=0, iteration=1, iterations=9, what="plan")
    assert CompiledVersions(layout).earlier(NEW, [use]) == {"key": "3"}
    assert asked == ["log", *3 * ["cat-file"]]
