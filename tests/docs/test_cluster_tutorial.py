"""The tutorial about clusters: each of its commands, in its order, with Slurm's real daemons and a Ray cluster of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.commands import BIN, ROOT, call
from tests.support.pages import NAMED, blocks
from tests.support.repositories import new_repo
from tests.support.slurm import needs_slurm, slurm
from tests.support.specs import SMALL

PAGE = ROOT / "docs" / "cluster-tutorial.md"


@pytest.mark.slow
@needs_slurm
def test_each_command_of_the_tutorial(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo", SMALL)
    said: list[str] = []
    with slurm(nodes=2, gpus=2) as variables:
        own = {**variables, "PATH": f"{BIN}{os.pathsep}{variables['PATH']}"}
        own |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        for language, text in blocks(PAGE):
            if language == "yaml" and (named := NAMED["yaml"].match(text)):
                (repo / named[1]).write_text(text[named.end() :], encoding="utf-8")
            elif language == "console":
                for line in text.splitlines():
                    command = f"{line.replace('quickstart', 'tiny')} 2>&1"
                    is_doctor = "doctor" in line  # it also says what of the extras is missing
                    ran = call(
                        "sh",
                        "-c",
                        command,
                        cwd=repo,
                        ok=not is_doctor,
                        apart=True,
                        timeout=900,
                        **own,
                    )
                    said.append(ran.stdout)
    doctor, _, first, _, _, status, repro, ray, nothing, together = said
    assert "hardware.yaml " not in doctor, "Slurm would take the jobs"
    assert "16 steps to do, 0 done already" in first and "slurm.gpus" not in first
    assert "up to date" in status
    assert "Running stage" not in repro
    assert "5 steps to do" in ray
    assert "0 steps to do" in nothing
    assert "5 steps to do" in together
    logs = [path.read_text(encoding="utf-8") for path in repo.glob("store/train-*/log/run.json")]
    assert len(logs) == 3
    assert sum('"machines": 2' in log for log in logs) == 1
