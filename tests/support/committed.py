"""A spec that is committed again and again, beside a finished experiment, and what is said of its contrasts."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.results.declared import Declared, Dropped, declarations
from dataenvgym_spec.results.experiment import load

FIRST = "analysis: {contrasts: [{arm: with-state, against: no-state, primary: true}]}\n"
SAME = """\
# The same contrast, written otherwise, and another one.
analysis:
  contrasts:
    - against: {arm: no-state}
      primary: true
      arm: with-state
      student: best
    - {arm: no-state, against: base}
"""
BASE = "analysis: {contrasts: [{arm: no-state, against: base, equivalence: 2}]}\n"
RESULTS = 1002
"""When the results that the store writes were there: its stages start at 1000 and take 2 seconds."""


def git(root: Path, *arguments: str, at: int = 0) -> str:
    """Runs git in a repository, at a time."""
    when = datetime.fromtimestamp(at, tz=UTC).isoformat()
    own = {"GIT_COMMITTER_DATE": when, "GIT_AUTHOR_DATE": when, "GIT_CONFIG_GLOBAL": "/dev/null"}
    own |= {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(root)}
    for who in ("AUTHOR", "COMMITTER"):
        own |= {f"GIT_{who}_NAME": "one", f"GIT_{who}_EMAIL": "one@example.org"}
    done = subprocess.run(
        ["git", *arguments], cwd=root, env=own, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(root: Path, text: str, *, at: int, name: str = "tiny.yaml") -> str:
    """Commits a version of the spec; the commit."""
    path = root / "specs" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    git(root, "add", f"specs/{name}")
    git(root, "commit", "-qm", "a version", at=at)
    return git(root, "rev-parse", "HEAD")


def left_out(root: Path, **index: Any) -> tuple[Dropped, ...]:
    """What the compiled experiment declares no more."""
    path = root / "experiments" / "tiny.json"
    write_json(path, {**json.loads(path.read_text(encoding="utf-8")), **index})
    return declarations(load("tiny", root)).dropped


def said(root: Path, *more: dict[str, Any]) -> list[Declared]:
    """What is said of the contrasts of the compiled experiment, in their order."""
    path = root / "experiments" / "tiny.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    write_json(path, {**index, "contrasts": [*index["contrasts"], *more]})
    results = load("tiny", root)
    found = declarations(results).standing
    return [found[question] for question in results.index.contrasts]
