"""Where the quickstart's wall time goes, and how fast the commands start. Prints Markdown; see README.md for recorded figures.

python benchmarks/quickstart.py            # clones this repository into a temporary folder and runs it there
python benchmarks/quickstart.py --here     # only the table of a run that is in the store already, and the commands
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
from pathlib import Path

from dataenvgym_spec.results.experiment import load

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = (["validate", "specs/quickstart.yaml"], ["compile"], ["plan", "quickstart"])
LOADING = ("imports", "score: start", "examples", "build", "fetch")


def timed(command: list[str], cwd: Path, **more: str) -> float:
    """Seconds that a command takes from outside; it must succeed."""
    start = time.monotonic()
    subprocess.run(
        command, cwd=cwd, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **more}
    )
    return time.monotonic() - start


def commands(repo: Path, runs: int = 7) -> None:
    """Prints the median time of the commands that must start fast, after a first run that is not counted."""
    print("| command | median s | min | max |\n| --- | --- | --- | --- |")
    for command in [*(["dataenvgym", *item] for item in COMMANDS), ["dvc", "repro", "quickstart"]]:
        timed(command, repo)
        found = [timed(command, repo) for _ in range(runs)]
        print(
            f"| `{' '.join(command)}` | {statistics.median(found):.2f} | {min(found):.2f} | {max(found):.2f} |"
        )


def ledger(repo: Path, wall: float | None) -> None:
    """Prints the wall time by stage kind: start-up and imports, model load, the work itself."""
    rows: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for stage in load("quickstart", repo).stages:
        seconds = stage.log["seconds"]
        work = stage.log.get("training_seconds", 0.0)
        row = rows[stage.kind]
        row["stages"] += 1
        row["start-up and imports"] += sum(seconds.get(name, 0.0) for name in LOADING) + max(
            0.0, seconds.get("train", 0.0) - work
        )
        row["model load"] += seconds.get("load", 0.0)
        row["total"] += seconds["total"]
    print(
        "| stage kind | stages | start-up and imports | model load | the work itself | total s |\n| --- | --- | --- | --- | --- | --- |"
    )
    for kind, row in sorted(rows.items(), key=lambda pair: -pair[1]["total"]):
        rest = row["total"] - row["start-up and imports"] - row["model load"]
        print(
            f"| {kind} | {row['stages']:.0f} | {row['start-up and imports']:.1f} | {row['model load']:.1f} | {rest:.1f} | {row['total']:.1f} |"
        )
    total = sum(row["total"] for row in rows.values())
    if wall is not None:
        print(f"| DVC, the report, tracking, process starts | | | | | {wall - total:.1f} |")
        print(f"| **wall** | | | | | **{wall:.1f}** |")


def warm(repo: Path) -> None:
    """Prints what an evaluation takes in a process of its own, beside what it took in the warm worker."""
    stage = next(stage for stage in load("quickstart", repo).stages if stage.kind == "evaluate")
    inside = stage.log["seconds"]["total"]
    cold = timed(["dataenvgym", "stage"], stage.path, DATAENVGYM_WARM="0", DATAENVGYM_TRACK="0")
    print(
        f"one evaluation: {inside:.2f} s in the warm worker, {cold:.2f} s in a process of its own: {cold / inside:.0f} times as long"
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
    here = parser.parse_args().here
    repo, wall = ROOT, None
    if not here:
        repo = Path(tempfile.mkdtemp()) / "clone"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(repo)], check=True)
        wall = timed(["dvc", "repro", "quickstart"], repo)
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}\n")
    ledger(repo, wall)
    print()
    commands(repo)
    print()
    warm(repo)
    if not here:
        shutil.rmtree(repo.parent)


if __name__ == "__main__":
    main()
