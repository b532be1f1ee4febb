"""What is asked of a repository before and after a command of git or DVC that may destroy something."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.repositories import call


def write(repo: Path, text: str, name: str = "tiny") -> None:
    (repo / "specs" / f"{name}.yaml").write_text(text, encoding="utf-8")


def commit(repo: Path) -> None:
    call("git", "add", "-A", cwd=repo)
    call("git", "commit", "-qm", "x", "--allow-empty", cwd=repo)


def locked(repo: Path) -> set[str]:
    """The stages whose results the workspace names."""
    return {path.parent.name for path in repo.glob("store/*/dvc.lock")}


def objects(folder: Path) -> int:
    """How many objects a cache or a remote holds."""
    return sum(path.is_file() for path in (folder / "files").rglob("*"))


def actions(repo: Path, *more: str) -> dict[str, int]:
    """How many stages are run, restored and so on."""
    head = call("dataenvgym", "plan", *more, "tiny", cwd=repo).stdout.splitlines()[0]
    counts = head.partition(": ")[2].split(", ")
    return {word: int(count) for count, _, word in (text.partition(" ") for text in counts)}


def warned(repo: Path, **more: Any) -> dict[str, dict[str, str]]:
    """What `doctor` finds wrong, by name. Nothing of this page keeps one from working."""
    told = call("dataenvgym", "doctor", "--json", cwd=repo, **more).stdout
    return {row["name"]: row for row in json.loads(told)["checks"] if not row["ok"]}


def advised(finding: dict[str, str]) -> str:
    """The command of a finding, without the remark behind it."""
    return finding["help"].partition("   (")[0]
