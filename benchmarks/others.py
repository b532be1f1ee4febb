"""Hydra and DVC at the same task: as many configs composed, a `matrix` of as many stages read."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from measure import Usage, measured
from repositories import ARMS, new_repo, sweep

ITERATIONS = 10
KINDS = 8
COMPOSE = """
import json, sys, time
from hydra import compose, initialize_config_dir
lines = json.load(open(sys.argv[2]))
start = time.process_time()
with initialize_config_dir(sys.argv[1], version_base=None):
    for line in lines:
        compose("config", line)
print(time.process_time() - start)
"""


def dvc_matrix(folder: Path, stages: int) -> Usage:
    """What DVC takes to list about as many stages of its own templating."""
    repo = new_repo(folder)
    (repo / "dvc.yaml").write_text(_matrix_file(stages), encoding="utf-8")
    return measured("dvc", "stage", "list", "--name-only", cwd=repo)


def _matrix_file(stages: int) -> str:
    """A `dvc.yaml` with a `matrix`.

    It has no loop, so that no stage can depend on an earlier iteration.
    """
    name = "${item.kind}-${item.point}-${item.arm}-${item.iteration}"
    points = stages // (len(ARMS) * ITERATIONS * KINDS)
    matrix = {
        "point": list(range(points)),
        "arm": [*ARMS],
        "iteration": list(range(ITERATIONS)),
        "kind": [f"kind{number}" for number in range(KINDS)],
    }
    step = {
        "matrix": matrix,
        "cmd": f"dataenvgym stage {name}",
        "deps": ["specs/${item.point}"],
        "outs": [f"store/{name}/out", f"store/{name}/log"],
    }
    return yaml.safe_dump({"stages": {"step": step}}, sort_keys=False)


def hydra_seconds(work: Path, points: int) -> float | None:
    """CPU seconds of composing the configs of a sweep; None where Hydra cannot be installed."""
    python = _hydra(work / "hydra")
    if python is None:
        print("hydra-core cannot be installed here: no comparison with it\n")
        return None
    spec = sweep("sweep", points)
    grid: dict[str, list[Any]] = spec.pop("matrix")
    del spec["arms"]
    conf = _configs(work / "conf", spec)
    lines = work / "lines.json"
    lines.write_text(json.dumps(_overrides(grid)), encoding="utf-8")
    composed = measured(str(python), "-c", COMPOSE, str(conf), str(lines), cwd=work, PYTHONPATH="")
    return float(composed.out)


def _hydra(environment: Path) -> Path | None:
    """The Python of a new environment with Hydra."""
    python = environment / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        subprocess.run([*pip, "hydra-core"], check=True, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return None
    return python


def _configs(folder: Path, base: dict[str, Any]) -> Path:
    """A folder of Hydra configs: the base, and one override an arm."""
    (folder / "arm").mkdir(parents=True)
    defaults = ["_self_", {"arm": "with-state"}]
    config = yaml.safe_dump({"defaults": defaults, **base}, sort_keys=False)
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    for name, override in ARMS.items():
        text = "# @package _global_\n" + yaml.safe_dump(override)
        (folder / "arm" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def _overrides(grid: dict[str, list[Any]]) -> list[list[str]]:
    """The command line of every config."""
    lines = []
    for point in product(*grid.values()):
        settings = [f"{path}={value}" for path, value in zip(grid, point, strict=True)]
        lines += [[f"arm={arm}", *settings] for arm in ARMS]
    return lines
