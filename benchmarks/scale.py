"""How a compile grows with a sweep, beside Hydra and DVC in the same run. Prints Markdown; see README.md for recorded figures.

python benchmarks/scale.py            # about five minutes on an idle machine; installs hydra-core into a temporary environment
python benchmarks/scale.py --check    # also exits 1 if a bound is broken
python benchmarks/scale.py --small    # a tenth of every size, to try the benchmark out

Everything is measured in a process of its own on one core. Bounds hold for CPU seconds (user and system), which other work on the
machine disturbs least; where a person waits for several processes, for the wall clock.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
HERE = Path(__file__).resolve().parent
ARMS: dict[str, Any] = {
    "with-state": {},
    "no-state": {"agent": {"observe": "nothing"}},
    "steep": {"agent": {"policy": {"power": 2.0}}},
}
PHASES = ("read", "resolve", "check", "unroll", "share", "prove", "emit", "write")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a process took."""

    wall: float
    cpu: float
    megabytes: float
    out: str


class Bounds:
    """The bounds of the project, and which of them were broken."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, float, float, str]] = []

    def at_most(self, what: str, value: float, bound: float, unit: str) -> None:
        """Holds a figure against its bound."""
        self.rows.append((what, value, bound, unit))

    def table(self) -> bool:
        """Prints all; returns whether all hold."""
        table(
            ["bound", "measured", "at most", ""],
            [
                [
                    what,
                    f"{value:.2f} {unit}",
                    f"{bound:g} {unit}",
                    "holds" if value <= bound else "**broken**",
                ]
                for what, value, bound, unit in self.rows
            ],
        )
        return all(value <= bound for _, value, bound, _ in self.rows)


RUNS = 3
"""Of so many runs the one with the least CPU time counts: other work on the machine, and its disk, only ever add to it."""


def table(head: list[str], rows: list[list[str]]) -> None:
    """Prints a Markdown table."""
    print(
        "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])
        + "\n",
        flush=True,
    )


def measured(*command: str, cwd: Path, **more: str) -> Cost:
    """Runs a command; it must succeed."""
    start = time.monotonic()
    process = subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.PIPE, text=True, env={**os.environ, **more}
    )
    assert process.stdout is not None
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)[:200]} exited {process.returncode}\n{out[-2000:]}")
    return Cost(
        wall=time.monotonic() - start,
        cpu=usage.ru_utime + usage.ru_stime,
        megabytes=usage.ru_maxrss / 1000,
        out=out,
    )


def sweep(name: str, points: int) -> dict[str, Any]:
    """The quickstart as a sweep over learning rate and policy: so many points, three arms, ten iterations."""
    spec: dict[str, Any] = yaml.safe_load(
        (ROOT / "specs" / "quickstart.yaml").read_text(encoding="utf-8")
    )
    spec |= {"name": name, "arms": ARMS, "analysis": {}}
    spec["loop"] = {**spec["loop"], "iterations": 10, "teach": {"examples": 100, "refill": 1}}
    rates = [round(1e-4 * (step + 1), 6) for step in range(max(1, points // 10))]
    floors = [round(0.05 * (step + 1), 2) for step in range(min(points, 10))]
    return {**spec, "matrix": {"student.train.learning_rate": rates, "agent.policy.floor": floors}}


def new_repo(path: Path, **specs: dict[str, Any]) -> Path:
    """A git and DVC repository with some specs."""
    path.mkdir(parents=True)
    for command in (
        ["git", "init", "-q"],
        ["dvc", "init", "-q"],
        ["dataenvgym", "doctor", "--fix"],
    ):
        subprocess.run(
            command, cwd=path, check=command[0] != "dataenvgym", stdout=subprocess.DEVNULL
        )
    shutil.copytree(ROOT / "specs" / "prompts", path / "specs" / "prompts")
    for name, spec in specs.items():
        (path / "specs" / f"{name}.yaml").write_text(
            yaml.safe_dump(spec, sort_keys=False), encoding="utf-8"
        )
    return path


def phases(repo: Path, *, to_disk: bool) -> dict[str, Any]:
    """Compiles a repository's specs in a child process; CPU seconds by phase, stages, megabytes."""
    found = measured(
        sys.executable,
        str(HERE / "phases.py"),
        str(repo),
        "disk" if to_disk else "memory",
        cwd=repo,
    )
    content: dict[str, Any] = json.loads(found.out.splitlines()[-1])
    return {**content, "wall": found.wall, "cpu": found.cpu, "megabytes": found.megabytes}


def to_disk(work: Path, bounds: Bounds, points: int) -> Path:
    """A sweep to disk, by phase and by the command itself."""
    repo = new_repo(work / "sweep", sweep=sweep("sweep", points))
    runs = []
    for _ in range(RUNS):
        for folder in ("store", "experiments"):
            shutil.rmtree(repo / folder, ignore_errors=True)
        runs.append(measured("dataenvgym", "compile", cwd=repo))
    command = min(runs, key=lambda cost: cost.cpu)
    again = measured("dataenvgym", "compile", cwd=repo)
    other = new_repo(work / "phases", sweep=sweep("sweep", points))
    by_phase = phases(other, to_disk=True)
    print(
        f"## A sweep of {points} points, 3 arms, 10 iterations to disk\n\n"
        + command.out.splitlines()[0]
        + "\n"
    )
    table(
        ["phase", "CPU s"],
        [[name, f"{by_phase['seconds'][name]:.2f}"] for name in (*PHASES, "other")],
    )
    table(
        ["command", "CPU s", "wall s", "peak MB"],
        [
            [name, f"{cost.cpu:.2f}", f"{cost.wall:.2f}", f"{cost.megabytes:.0f}"]
            for name, cost in (
                ("`dataenvgym compile`", command),
                ("the same again, nothing to write", again),
            )
        ],
    )
    print(
        f"{RUNS} runs of `dataenvgym compile` from nothing: {', '.join(f'{cost.cpu:.1f}' for cost in runs)} CPU s\n",
        flush=True,
    )
    bounds.at_most(f"{points} points to disk", command.cpu, 15, "s")
    bounds.at_most(f"{points} points to disk, memory", command.megabytes / 1000, 1, "GB")
    shutil.rmtree(other)
    return repo


def first_stage(repo: Path, bounds: Bounds) -> None:
    """How long `dataenvgym run` of one experiment of the sweep takes until DVC starts its first stage."""
    name = sorted(path.stem for path in (repo / "experiments").glob("*.json"))[-1]
    start = time.monotonic()
    run = subprocess.Popen(
        ["dataenvgym", "run", name], cwd=repo, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "DATAENVGYM_TRACK": "0", "PYTHONUNBUFFERED": "1"}, start_new_session=True,
    )  # fmt: skip
    assert run.stdout is not None
    seconds = next(
        time.monotonic() - start for line in run.stdout if line.startswith("Running stage")
    )
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    print(
        f"`dataenvgym run {name}` there: its first stage starts after {seconds:.2f} s\n", flush=True
    )
    bounds.at_most("`run` in the sweep, to its first stage (wall)", seconds, 5, "s")


def in_memory(work: Path, bounds: Bounds, sizes: tuple[int, ...]) -> None:
    """Sweeps of growing size, resolved, lowered, shared and proved."""
    print("## In memory, by points\n")
    rows, rates = [], []
    for points in sizes:
        repo = new_repo(work / f"points-{points}", sweep=sweep("sweep", points))
        found = min((phases(repo, to_disk=False) for _ in range(RUNS)), key=lambda run: run["cpu"])
        rates.append(found["cpu"] / found["unshared"] * 1000)
        cells = [f"{found['seconds'][name]:.2f}" for name in PHASES[:6]]
        rows.append(
            [
                f"{points}",
                f"{found['unshared']}",
                f"{found['stages']}",
                *cells,
                f"{found['cpu']:.2f}",
                f"{found['megabytes']:.0f}",
                f"{rates[-1]:.3f}",
            ]
        )
    table(
        ["points", "stages", "shared", *PHASES[:6], "CPU s", "peak MB", "s per 1,000 stages"], rows
    )
    bounds.at_most(f"{sizes[-1]} points in memory", found["cpu"], 30, "s")
    bounds.at_most(f"{sizes[-1]} points in memory, memory", found["megabytes"] / 1000, 3, "GB")
    bounds.at_most(
        f"s per stage at {sizes[-1]} points over that at {sizes[0]}",
        rates[-1] / rates[0],
        1.3,
        "times",
    )


def middle(work: Path, bounds: Bounds, points: int) -> None:
    """A repository of 2,000 stages: plan, and a recompile after a change of one spec."""
    single = {key: value for key, value in sweep("single", 10).items() if key != "matrix"}
    repo = new_repo(work / "middle", sweep=sweep("sweep", points), single=single)
    said = measured("dataenvgym", "compile", cwd=repo).out.splitlines()[0]
    name = sorted(path.stem for path in (repo / "experiments").glob("sweep*.json"))[-1]
    fresh = measured("dataenvgym", "plan", name, cwd=repo)
    finish(repo, name)
    done = measured("dataenvgym", "plan", name, "--json", cwd=repo)
    actions = {row["action"] for row in json.loads(done.out)["stages"]}
    before = times(repo)
    (repo / "specs" / "single.yaml").write_text(
        yaml.safe_dump({**single, "loop": {**single["loop"], "teach": {"examples": 90}}}),
        encoding="utf-8",
    )
    changed = measured("dataenvgym", "compile", "--json", cwd=repo)
    after = times(repo)
    old = [path for path, stamp in before.items() if after.get(path) != stamp]
    print(f"## A repository of two specs\n\n{said}\n")
    table(
        ["command", "CPU s", "wall s"],
        [
            [
                f"`dataenvgym plan` of one experiment, {len(json.loads(done.out)['stages'])} steps, never run",
                f"{fresh.cpu:.2f}",
                f"{fresh.wall:.2f}",
            ],
            [
                f"the same, finished ({', '.join(sorted(actions))})",
                f"{done.cpu:.2f}",
                f"{done.wall:.2f}",
            ],
            [
                "`dataenvgym compile` after a change of one spec",
                f"{changed.cpu:.2f}",
                f"{changed.wall:.2f}",
            ],
        ],
    )
    print(
        f"The recompile wrote {len(after.keys() - before.keys())} new files and rewrote {len(old)} of {len(before)}: {', '.join(sorted(old))}\n"
    )
    bounds.at_most("`plan` of one experiment among 2,000 stages", max(fresh.cpu, done.cpu), 3, "s")
    bounds.at_most("recompile after a change of one spec", changed.cpu, 2, "s")
    bounds.at_most(
        "files rewritten that the change is not about",
        len([path for path in old if "single" not in path and path != "dvc.yaml"]),
        0,
        "files",
    )


def finish(repo: Path, name: str) -> None:
    """Has real DVC run one experiment, with a program in the executor's place that only makes the files a stage promises."""
    stages = json.loads((repo / "experiments" / f"{name}.json").read_text(encoding="utf-8"))[
        "stages"
    ]
    targets = [f"store/{row['directory']}/dvc.yaml:{row['kind']}" for row in stages]
    folder = repo.parent / "bin"
    folder.mkdir(exist_ok=True)
    (folder / "dataenvgym").write_text(f"#!{sys.executable}\n{PRETEND}", encoding="utf-8")
    (folder / "dataenvgym").chmod(0o755)
    target = f"experiments/{name}/dvc.yaml:{name}"
    measured(
        "dvc",
        "repro",
        "-q",
        "--single-item",
        *targets,
        target,
        cwd=repo,
        PATH=f"{folder}{os.pathsep}{os.environ['PATH']}",
    )


PRETEND = """\
import re, sys
from pathlib import Path

if len(sys.argv) > 2:
    outs = [f"reports/{sys.argv[2]}/{name}" for name in ("index.html", "metrics.json", "curves.csv")]
    for out in map(Path, outs):
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text("{}" if out.suffix == ".json" else "iteration,accuracy\\n0,1\\n")
else:
    for out in re.findall(r"^    - ((?:out/|log).*)$", Path("dvc.yaml").read_text(), re.M):
        Path(out).mkdir(parents=True, exist_ok=True)
        (Path(out) / "result.json").write_text(Path("stage.json").read_text())
"""


def times(repo: Path) -> dict[str, int]:
    """When each compiled file was written."""
    files = [
        path
        for pattern in ("dvc.yaml", "store/*/stage.json", "store/*/dvc.yaml", "experiments/**/*")
        for path in repo.glob(pattern)
        if path.is_file()
    ]
    return {path.relative_to(repo).as_posix(): path.stat().st_mtime_ns for path in files}


def beside(work: Path, repo: Path, points: int) -> None:
    """Hydra composing as many configs, and DVC reading a `matrix` of as many stages."""
    ours = phases(repo, to_disk=False)
    configs = points * len(ARMS)
    resolved = sum(ours["seconds"][name] for name in ("read", "resolve", "check"))
    rows = [[f"ours: {configs} arms read, resolved and checked", f"{resolved:.2f}", "1.0"]]
    hydra = hydra_seconds(work, points)
    rows += (
        [
            [
                f"Hydra: {configs} configs composed (nothing is checked)",
                f"{hydra:.2f}",
                f"{hydra / resolved:.1f}",
            ]
        ]
        if hydra
        else []
    )
    folder = new_repo(work / "matrix")
    (folder / "dvc.yaml").write_text(matrix_file(points * 180), encoding="utf-8")
    listed = measured("dvc", "stage", "list", "--name-only", cwd=folder)
    count = len(listed.out.split())
    rows += [
        [
            f"ours: {ours['unshared']} stages from the spec to a shared, proved graph",
            f"{ours['cpu']:.2f}",
            "1.0",
        ],
        [
            f"DVC: `dvc stage list` of a `matrix` of {count} stages",
            f"{listed.cpu:.2f}",
            f"{listed.cpu / count / (ours['cpu'] / ours['unshared']):.1f} a stage",
        ],
    ]
    print("## Beside it, in the same run\n")
    table(["what", "CPU s", "ratio"], rows)


def matrix_file(stages: int) -> str:
    """A `dvc.yaml` in DVC's own templating with about as many stages. It has no loop: no stage can depend on an earlier iteration."""
    name = "${item.kind}-${item.point}-${item.arm}-${item.iteration}"
    matrix = {
        "point": list(range(stages // 240)),
        "arm": [*ARMS],
        "iteration": list(range(10)),
        "kind": [f"kind{number}" for number in range(8)],
    }
    step = {
        "matrix": matrix,
        "cmd": f"dataenvgym stage {name}",
        "deps": ["specs/${item.point}"],
        "outs": [f"store/{name}/out", f"store/{name}/log"],
    }
    return yaml.safe_dump({"stages": {"step": step}}, sort_keys=False)


def hydra_seconds(work: Path, points: int) -> float | None:
    """CPU seconds of composing the configs of the sweep; None where hydra-core cannot be installed."""
    environment = work / "hydra"
    pip = [
        str(environment / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "hydra-core",
    ]
    try:
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        print("hydra-core cannot be installed here: no comparison with it\n")
        return None
    conf = work / "conf"
    (conf / "arm").mkdir(parents=True)
    base = {
        key: value for key, value in sweep("sweep", points).items() if key not in ("matrix", "arms")
    }
    (conf / "config.yaml").write_text(
        yaml.safe_dump({"defaults": ["_self_", {"arm": "with-state"}], **base}, sort_keys=False),
        encoding="utf-8",
    )
    for name, override in ARMS.items():
        (conf / "arm" / f"{name}.yaml").write_text(
            "# @package _global_\n" + yaml.safe_dump(override), encoding="utf-8"
        )
    grid = sweep("sweep", points)["matrix"]
    lines = [
        [f"arm={arm}", *(f"{path}={value}" for path, value in zip(grid, point, strict=True))]
        for point in product(*grid.values())
        for arm in ARMS
    ]
    code = """
import json, sys, time
from hydra import compose, initialize_config_dir
lines = json.load(open(sys.argv[2]))
start = time.process_time()
with initialize_config_dir(sys.argv[1], version_base=None):
    for line in lines:
        compose("config", line)
print(time.process_time() - start)
"""
    (work / "lines.json").write_text(json.dumps(lines), encoding="utf-8")
    return float(
        measured(
            str(environment / "bin" / "python"),
            "-c",
            code,
            str(conf),
            str(work / "lines.json"),
            cwd=work,
            PYTHONPATH="",
        ).out
    )


def main() -> int:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="exit 1 if a bound is broken")
    parser.add_argument("--small", action="store_true", help="a tenth of every size")
    arguments = parser.parse_args()
    part = 10 if arguments.small else 1
    bounds = Bounds()
    if hasattr(os, "sched_setaffinity"):  # and with this process all that it starts
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(f"{os.cpu_count()} cores, each command on one of them; Python {sys.version.split()[0]}\n")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        repo = to_disk(work, bounds, 100 // part)
        first_stage(repo, bounds)
        in_memory(work, bounds, (250 // part, 500 // part, 1000 // part))
        middle(work, bounds, max(1, 10 // part))
        beside(work, repo, 100 // part)
    print("## Bounds\n")
    return 0 if bounds.table() or not arguments.check else 1


if __name__ == "__main__":
    sys.exit(main())
