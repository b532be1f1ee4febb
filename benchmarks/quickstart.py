"""Where the quickstart's wall time goes, and how fast the commands start.

Prints Markdown; see README.md for recorded figures.

python benchmarks/quickstart.py            # clones this repository into a temporary folder and
                                           # runs it there
python benchmarks/quickstart.py --jobs 2   # by `dataenvgym run --jobs 2`, and not by `dvc repro`
python benchmarks/quickstart.py --check    # all of `make quickstart` behind its setup, held to
                                           # its limits
python benchmarks/quickstart.py --here     # only the table of a run that is in the store already,
                                           # and the commands
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from measure import table

from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.results.stage import StageResult

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = (
    ["dataenvgym", "validate", "specs/quickstart.yaml"],
    ["dataenvgym", "compile"],
    ["dataenvgym", "plan", "quickstart"],
    ["dvc", "repro", "quickstart"],
)
LONGEST = 300.0
"""Seconds that all of `make quickstart` may take behind its setup, on two cores."""
UNUSED = 0.15
"""The share of them in which no stage may be at work."""
LOADING = ("imports", "score: start", "examples", "build", "fetch")
"""Phases of a stage's log that are neither loading a model nor the work itself."""


@dataclass(slots=True, kw_only=True)
class Total:
    """The wall seconds of all stages of a kind, by what they were spent on."""

    stages: int = 0
    start_up: float = 0.0
    load: float = 0.0
    total: float = 0.0

    def row(self, kind: str) -> list[str]:
        """As a row of a table."""
        work = self.total - self.start_up - self.load
        seconds = (self.start_up, self.load, work, self.total)
        return [kind, f"{self.stages}", *(f"{value:.1f}" for value in seconds)]


def timed(command: list[str], cwd: Path, **variables: str) -> float:
    """Seconds that a command takes from outside; it must succeed."""
    environment = {**os.environ, **variables}
    start = time.monotonic()
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.monotonic() - start


def made(repo: Path) -> float:
    """Seconds that the commands of `make quickstart` take behind its setup."""
    makefile = (repo / "Makefile").read_text(encoding="utf-8")
    recipe = makefile.partition("\nquickstart: setup\n")[2].partition("\n\n")[0]
    lines = [line.strip() for line in recipe.splitlines() if line.startswith("\tdataenvgym")]
    assert len(lines) > 1, "the Makefile has another form"
    return sum(timed(["sh", "-c", line], repo) for line in lines)


def over(repo: Path, wall: float) -> list[str]:
    """Which limits a run was over; says how far from them it was."""
    unused = (wall - at_work(repo)) / wall
    stages = load("quickstart", repo).stages
    slots = (os.cpu_count() or 1) * wall
    busy = sum(log_of(stage).seconds["total"] for stage in stages) / slots
    print(
        f"\n`make quickstart` behind its setup: {wall:.0f} s (at most {LONGEST:.0f}), no stage at "
        f"work in {unused:.0%} of them (at most {UNUSED:.0%}); a core had a stage {busy:.0%}"
    )
    return [
        *(["it takes too long"] if wall > LONGEST else []),
        *(["too much of it is no stage's"] if unused > UNUSED else []),
    ]


def commands(repo: Path, runs: int = 7) -> None:
    """Prints the median time of commands that must start fast; a first run is not counted."""
    rows = []
    for command in COMMANDS:
        timed(command, repo)
        seconds = [timed(command, repo) for _ in range(runs)]
        figures = (statistics.median(seconds), min(seconds), max(seconds))
        rows.append([f"`{' '.join(command)}`", *(f"{value:.2f}" for value in figures)])
    table(["command", "median s", "min", "max"], rows)


def ledger(repo: Path, wall: float | None) -> None:
    """Prints the wall time by stage kind: start-up and imports, model load, the work itself."""
    totals: dict[str, Total] = defaultdict(Total)
    for stage in load("quickstart", repo).stages:
        log = log_of(stage)
        seconds = log.seconds
        # Of a training process, all that is not training is its start.
        training = log.training_seconds or 0.0
        starting = max(0.0, seconds.get("train", 0.0) - training)
        total = totals[stage.kind]
        total.stages += 1
        total.start_up += starting + sum(seconds.get(name, 0.0) for name in LOADING)
        total.load += seconds.get("load", 0.0)
        total.total += seconds["total"]
    longest_first = sorted(totals.items(), key=lambda pair: -pair[1].total)
    rows = [total.row(kind) for kind, total in longest_first]
    if wall is not None:
        rest = wall - at_work(repo)
        said = f"{rest:.1f} ({100 * rest / wall:.0f} %)"
        rows.append(["no stage at work: DVC, process starts, the report", "", "", "", "", said])
        rows.append(["**wall**", "", "", "", "", f"**{wall:.1f}**"])
    head = ["stage kind", "stages", "start-up and imports", "model load", "the work itself"]
    table([*head, "total s"], rows)


def log_of(stage: StageResult) -> Log:
    """What a stage of a finished run records."""
    if stage.log is None:
        raise SystemExit(f"{stage.path} was not run")
    return stage.log


def at_work(repo: Path) -> float:
    """Seconds in which at least one stage was at work, from the times in their logs."""
    logs = [log_of(stage) for stage in load("quickstart", repo).stages]
    spans = [(log.started, log.started + log.seconds["total"]) for log in logs]
    total, until = 0.0, 0.0
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def warm(repo: Path) -> None:
    """Prints what an evaluation takes in its own process, and what it took in the warm worker."""
    stages = load("quickstart", repo).stages
    stage = next(stage for stage in stages if stage.kind == "evaluate")
    inside = log_of(stage).seconds["total"]
    command = ["dataenvgym", "stage"]
    outside = timed(command, stage.path, DATAENVGYM_WARM="0", DATAENVGYM_TRACK="0")
    print(
        f"one evaluation: {inside:.2f} s in the warm worker, {outside:.2f} s in a process of its "
        f"own: {outside / inside:.0f} times as long"
    )


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--here",
        action="store_true",
        help="measure what is in this repository's store; run nothing",
    )
    parser.add_argument("--jobs", metavar="N", help="stages side by side, by 'dataenvgym run'")
    parser.add_argument("--check", action="store_true", help="all of 'make quickstart', in limits")
    arguments = parser.parse_args()
    here = arguments.here
    repo = ROOT
    wall = None
    if not here:
        repo = Path(tempfile.mkdtemp()) / "clone"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(repo)], check=True)
        command = ["dvc", "repro", "quickstart"]
        if arguments.jobs:
            command = ["dataenvgym", "run", "quickstart", "--jobs", arguments.jobs]
        wall = made(repo) if arguments.check else timed(command, repo)
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}\n")
    ledger(repo, wall)
    faults = over(repo, wall) if arguments.check and wall is not None else []
    commands(repo)
    warm(repo)
    if not here:
        shutil.rmtree(repo.parent)
    sys.exit("; ".join(faults) or 0)


if __name__ == "__main__":
    main()
