"""Repositories of sweeps for benchmarks: made, compiled files listed, and finished without work."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from measure import measured

ROOT = Path(__file__).resolve().parent.parent
ARMS: dict[str, Any] = {
    "with-state": {},
    "no-state": {"agent": {"observe": "nothing"}},
    "steep": {"agent": {"policy": {"power": 2.0}}},
}
FLOORS = 10
"""Values of the policy's floor in a sweep; the rest of its points are learning rates."""
COMPILED = ("dvc.yaml", "store/*/stage.json", "store/*/dvc.yaml", "experiments/**/*")


def sweep(name: str, points: int) -> dict[str, Any]:
    """The quickstart as a sweep over learning rate and policy: three arms, ten iterations."""
    text = (ROOT / "specs" / "quickstart.yaml").read_text(encoding="utf-8")
    spec: dict[str, Any] = yaml.safe_load(text)
    spec |= {"name": name, "arms": ARMS, "analysis": {}}
    spec["loop"] |= {"iterations": 10, "teach": {"examples": 100, "refill": 1}}
    steps = range(max(1, points // FLOORS))
    rates = [round(1e-4 * (step + 1), 6) for step in steps]
    floors = [round(0.05 * (step + 1), 2) for step in range(min(points, FLOORS))]
    spec["matrix"] = {"student.train.learning_rate": rates, "agent.policy.floor": floors}
    return spec


def new_repo(path: Path, **specs: dict[str, Any]) -> Path:
    """A git and DVC repository with some specs."""
    path.mkdir(parents=True)
    for command in (["git", "init", "-q"], ["dvc", "init", "-q"]):
        subprocess.run(command, cwd=path, check=True, stdout=subprocess.DEVNULL)
    # It fails when it finds something that it cannot mend, such as a missing library.
    mend = ["dataenvgym", "doctor", "--fix"]
    subprocess.run(mend, cwd=path, check=False, stdout=subprocess.DEVNULL)
    shutil.copytree(ROOT / "specs" / "prompts", path / "specs" / "prompts")
    for name, spec in specs.items():
        text = yaml.safe_dump(spec, sort_keys=False)
        (path / "specs" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return path


def times(repo: Path) -> dict[str, int]:
    """When each compiled file was written."""
    written = {}
    for pattern in COMPILED:
        for path in repo.glob(pattern):
            if path.is_file():
                name = path.relative_to(repo).as_posix()
                written[name] = path.stat().st_mtime_ns
    return written


PRETEND = """\
import re, sys
from pathlib import Path

if len(sys.argv) > 2:
    pages = ("index.html", "examples/index.html")
    names = ("metrics.json", "headline.json", "curves.csv", "curves/test/a.csv")
    for out in (Path("reports", sys.argv[2], name) for name in (*pages, *names)):
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text("{}" if out.suffix == ".json" else "iteration,accuracy\\n0,1\\n")
else:
    for out in re.findall(r"^    - ((?:out/|log).*)$", Path("dvc.yaml").read_text(), re.M):
        Path(out).mkdir(parents=True, exist_ok=True)
        (Path(out) / "result.json").write_text(Path("stage.json").read_text())
"""
"""A program in the executor's place that only makes the files that a stage promises."""


def finish(repo: Path, name: str) -> None:
    """Has real DVC run one experiment, with `PRETEND` as the executor."""
    index = json.loads((repo / "experiments" / f"{name}.json").read_text(encoding="utf-8"))
    targets = [f"store/{row['directory']}/dvc.yaml:{row['kind']}" for row in index["stages"]]
    targets.append(f"experiments/{name}/dvc.yaml:{name}")
    folder = repo.parent / "bin"
    folder.mkdir(exist_ok=True)
    program = folder / "dataenvgym"
    program.write_text(f"#!{sys.executable}\n{PRETEND}", encoding="utf-8")
    program.chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    measured("dvc", "repro", "-q", "--single-item", *targets, cwd=repo, PATH=path)
