"""How a compile grows with a sweep, beside Hydra and DVC in the same run.

Prints Markdown; see README.md for recorded figures.

python benchmarks/scale.py            # about five minutes on an idle machine; installs hydra-core
                                      # into a temporary environment
python benchmarks/scale.py --check    # also exits 1 if a bound is broken
python benchmarks/scale.py --small    # a tenth of every size, to try the benchmark out

Everything is measured in a process of its own on one core. Bounds hold for CPU seconds (user and
system), which other work on the machine disturbs least; where a person waits for several processes,
for the wall clock.
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
from pathlib import Path

import yaml
from measure import Bounds, Usage, measured, table
from others import dvc_matrix, hydra_seconds
from repositories import ARMS, finish, new_repo, sweep, times

HERE = Path(__file__).resolve().parent
PHASES = ("read", "resolve", "check", "unroll", "share", "prove", "emit", "write")
IN_MEMORY = PHASES[:6]
RUNS = 3
"""Of so many runs the one with the least CPU time counts.

Other work on the machine, and its disk, only ever add to it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compile:
    """A compile by phase: CPU seconds, and stages before and after sharing."""

    seconds: dict[str, float]
    stages: int
    unshared: int
    usage: Usage


def phases(repo: Path, *, to_disk: bool) -> Compile:
    """Compiles a repository's specs in a child process."""
    where = "disk" if to_disk else "memory"
    usage = measured(sys.executable, str(HERE / "phases.py"), str(repo), where, cwd=repo)
    content = json.loads(usage.out.splitlines()[-1])
    return Compile(**content, usage=usage)


def to_disk(work: Path, bounds: Bounds, points: int) -> Path:
    """A sweep to disk, by phase and by the command itself."""
    repo = new_repo(work / "sweep", sweep=sweep("sweep", points))
    runs = []
    for _ in range(RUNS):
        for folder in ("store", "experiments"):
            shutil.rmtree(repo / folder, ignore_errors=True)
        runs.append(measured("dataenvgym", "compile", cwd=repo))
    first = min(runs, key=lambda usage: usage.cpu)
    again = measured("dataenvgym", "compile", cwd=repo)
    other = new_repo(work / "phases", sweep=sweep("sweep", points))
    by_phase = phases(other, to_disk=True)
    summary = first.out.splitlines()[0]
    print(f"## A sweep of {points} points, 3 arms, 10 iterations to disk\n\n{summary}\n")
    names = (*PHASES, "other")
    table(["phase", "CPU s"], [[name, f"{by_phase.seconds[name]:.2f}"] for name in names])
    rows = [
        ["`dataenvgym compile`", *_cells(first), f"{first.megabytes:.0f}"],
        ["the same again, nothing to write", *_cells(again), f"{again.megabytes:.0f}"],
    ]
    table(["command", "CPU s", "wall s", "peak MB"], rows)
    each = ", ".join(f"{usage.cpu:.1f}" for usage in runs)
    print(f"{RUNS} runs of `dataenvgym compile` from nothing: {each} CPU s\n", flush=True)
    bounds.at_most(f"{points} points to disk", first.cpu, 15, "s")
    bounds.at_most(f"{points} points to disk, memory", first.megabytes / 1000, 1, "GB")
    shutil.rmtree(other)
    return repo


def first_stage(repo: Path, bounds: Bounds) -> None:
    """How long `dataenvgym run` of one experiment takes until DVC starts its first stage."""
    name = _last_experiment(repo, "*.json")
    environment = {**os.environ, "DATAENVGYM_TRACK": "0", "PYTHONUNBUFFERED": "1"}
    start = time.monotonic()
    run = subprocess.Popen(
        ["dataenvgym", "run", name],
        cwd=repo,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        start_new_session=True,
    )
    assert run.stdout is not None
    next(line for line in run.stdout if line.startswith("Running stage"))
    seconds = time.monotonic() - start
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    print(f"`dataenvgym run {name}` there: its first stage starts after {seconds:.2f} s\n")
    bounds.at_most("`run` in the sweep, to its first stage (wall)", seconds, 5, "s")


def in_memory(work: Path, bounds: Bounds, sizes: tuple[int, ...]) -> None:
    """Sweeps of growing size, resolved, lowered, shared and proved."""
    print("## In memory, by points\n")
    rows = []
    rates = []
    for points in sizes:
        repo = new_repo(work / f"points-{points}", sweep=sweep("sweep", points))
        runs = [phases(repo, to_disk=False) for _ in range(RUNS)]
        best = min(runs, key=lambda run: run.usage.cpu)
        rate = best.usage.cpu / best.unshared * 1000
        rates.append(rate)
        by_phase = [f"{best.seconds[name]:.2f}" for name in IN_MEMORY]
        rows.append(
            [
                f"{points}",
                f"{best.unshared}",
                f"{best.stages}",
                *by_phase,
                f"{best.usage.cpu:.2f}",
                f"{best.usage.megabytes:.0f}",
                f"{rate:.3f}",
            ]
        )
    head = ["points", "stages", "shared", *IN_MEMORY, "CPU s", "peak MB", "s per 1,000 stages"]
    table(head, rows)
    least, most = sizes[0], sizes[-1]
    growth = rates[-1] / rates[0]
    bounds.at_most(f"{most} points in memory", best.usage.cpu, 30, "s")
    bounds.at_most(f"{most} points in memory, memory", best.usage.megabytes / 1000, 3, "GB")
    bounds.at_most(f"s per stage at {most} points over that at {least}", growth, 1.3, "times")


def middle(work: Path, bounds: Bounds, points: int) -> None:
    """A repository of 2,000 stages: plan, and a recompile after a change of one spec."""
    single = sweep("single", 10)
    del single["matrix"]
    repo = new_repo(work / "middle", sweep=sweep("sweep", points), single=single)
    summary = measured("dataenvgym", "compile", cwd=repo).out.splitlines()[0]
    print(f"## A repository of two specs\n\n{summary}\n")
    name = _last_experiment(repo, "sweep*.json")
    fresh = measured("dataenvgym", "plan", name, cwd=repo)
    finish(repo, name)
    done = measured("dataenvgym", "plan", name, "--json", cwd=repo)
    steps = json.loads(done.out)["stages"]
    actions = ", ".join(sorted({step["action"] for step in steps}))
    before = times(repo)
    single["loop"]["teach"] = {"examples": 90}
    (repo / "specs" / "single.yaml").write_text(yaml.safe_dump(single), encoding="utf-8")
    changed = measured("dataenvgym", "compile", "--json", cwd=repo)
    after = times(repo)
    plan = f"`dataenvgym plan` of one experiment, {len(steps)} steps, never run"
    rows = [
        [plan, *_cells(fresh)],
        [f"the same, finished ({actions})", *_cells(done)],
        ["`dataenvgym compile` after a change of one spec", *_cells(changed)],
    ]
    table(["command", "CPU s", "wall s"], rows)
    new = len(after.keys() - before.keys())
    rewritten = sorted(path for path, stamp in before.items() if after.get(path) != stamp)
    print(
        f"The recompile wrote {new} new files and rewrote {len(rewritten)} of {len(before)}: "
        f"{', '.join(rewritten)}\n"
    )
    unrelated = [path for path in rewritten if "single" not in path and path != "dvc.yaml"]
    slowest = max(fresh.cpu, done.cpu)
    bounds.at_most("`plan` of one experiment among 2,000 stages", slowest, 3, "s")
    bounds.at_most("recompile after a change of one spec", changed.cpu, 2, "s")
    bounds.at_most("files rewritten that the change is not about", len(unrelated), 0, "files")


def beside(work: Path, repo: Path, points: int) -> None:
    """Hydra composing as many configs, and DVC reading a `matrix` of as many stages."""
    ours = phases(repo, to_disk=False)
    configs = points * len(ARMS)
    resolved = sum(ours.seconds[name] for name in ("read", "resolve", "check"))
    rows = [[f"ours: {configs} arms read, resolved and checked", f"{resolved:.2f}", "1.0"]]
    hydra = hydra_seconds(work, points)
    if hydra is not None:
        name = f"Hydra: {configs} configs composed (nothing is checked)"
        rows.append([name, f"{hydra:.2f}", f"{hydra / resolved:.1f}"])
    name = f"ours: {ours.unshared} stages from the spec to a shared, proved graph"
    rows.append([name, f"{ours.usage.cpu:.2f}", "1.0"])
    listed = dvc_matrix(work / "matrix", points * 180)
    count = len(listed.out.split())
    ratio = (listed.cpu / count) / (ours.usage.cpu / ours.unshared)
    name = f"DVC: `dvc stage list` of a `matrix` of {count} stages"
    rows.append([name, f"{listed.cpu:.2f}", f"{ratio:.1f} a stage"])
    print("## Beside it, in the same run\n")
    table(["what", "CPU s", "ratio"], rows)


def _cells(usage: Usage) -> list[str]:
    return [f"{usage.cpu:.2f}", f"{usage.wall:.2f}"]


def _last_experiment(repo: Path, pattern: str) -> str:
    return max(path.stem for path in (repo / "experiments").glob(pattern))


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
    if hasattr(os, "sched_setaffinity"):
        # What this process starts stays on its core.
        core = min(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {core})
    version = sys.version.split()[0]
    print(f"{os.cpu_count()} cores, each command on one of them; Python {version}\n")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        repo = to_disk(work, bounds, 100 // part)
        first_stage(repo, bounds)
        in_memory(work, bounds, (250 // part, 500 // part, 1000 // part))
        middle(work, bounds, max(1, 10 // part))
        beside(work, repo, 100 // part)
    print("## Bounds\n")
    all_hold = bounds.table()
    return 1 if arguments.check and not all_hold else 0


if __name__ == "__main__":
    sys.exit(main())
