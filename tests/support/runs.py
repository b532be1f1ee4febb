"""What is planned in a repository, and what DVC then executes."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.support.repositories import call


def planned(repo: Path, name: str = "tiny") -> list[dict[str, str]]:
    """The steps that `plan` foresees for an experiment."""
    return [
        row
        for row in json.loads(call("dataenvgym", "plan", "--json", cwd=repo).stdout)["stages"]
        if row["experiment"] == name
    ]


def executed(repo: Path, name: str = "tiny") -> set[str]:
    """The directories that `dvc repro` executed in; the report's is empty."""
    out = call("dvc", "repro", name, cwd=repo, timeout=600).stdout
    return {
        match.group(1) or ""
        for match in re.finditer(r"Running stage '(?:store/([^/]+)/dvc.yaml:)?[^']*'", out)
    }
