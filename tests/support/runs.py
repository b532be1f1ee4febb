"""What is planned in a repository, and what DVC then executes."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from dataenvgym_spec.core.machine import stamp
from tests.support.repositories import call, environment


def planned(repo: Path, name: str = "tiny") -> list[dict[str, str]]:
    """The steps that `plan` foresees for an experiment."""
    return [
        row
        for row in json.loads(call("dataenvgym", "plan", "--json", cwd=repo).stdout)["stages"]
        if row["experiment"] == name
    ]


def executed(repo: Path, name: str = "tiny") -> set[str]:
    """The directories that `dvc repro` executed in; the report's is empty."""
    out = call("dvc", "repro", name, cwd=repo, timeout=600, **quick_path(repo)).stdout
    return {
        match.group(1) or ""
        for match in re.finditer(r"Running stage '(?:store/([^/]+)/dvc.yaml:)?[^']*'", out)
    }


QUICK = ".quick"
"""The folder of a repository that holds the quick executors, where they are to be used."""


def install_quick_executors(folder: Path, **machine: Any) -> None:
    """Puts a `dataenvgym` into a folder that makes the outs of a stage in 30 ms."""
    folder.mkdir(parents=True, exist_ok=True)
    program = (Path(__file__).parent / "quick_executor.py").read_text(encoding="utf-8")
    (folder / "dataenvgym").write_text(f"#!{sys.executable} -IS\n{program}", encoding="utf-8")
    (folder / "dataenvgym").chmod(0o755)
    facts = {"stamp": stamp(), "salt": 0, "teacher_varies": False, **machine}
    (folder / "machine.json").write_text(json.dumps(facts), encoding="utf-8")


def quick_path(repo: Path) -> dict[str, Any]:
    """The environment in which DVC finds the quick executors of a repository first, if it has them."""
    quick = repo / QUICK
    return {"PATH": f"{quick}:{environment()['PATH']}"} if quick.is_dir() else {}
