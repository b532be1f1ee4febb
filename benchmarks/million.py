"""How a loop of very many examples goes: time and memory of each stage, of the report and more.

    python benchmarks/million.py [EXAMPLES] [--work FOLDER] [--check]

compiles a spec whose agent makes so many examples (10,000) and, to see what grows, a tenth of them,
runs every stage as DVC would, each in a process of its own, and then the report, the commands that
look at single examples, and tracking. With a folder, what was measured there is not done again.
`--check` exits 1 if a process takes more memory than it may.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections import deque
from pathlib import Path
from typing import Any, Final

from measure import Usage, measured, table
from repositories import new_repo

HERE: Final = Path(__file__).resolve().parent
PACKAGE: Final = "sentences"
MOST: Final = 1500
"""Megabytes that no process may pass."""
PATHS: Final = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
REPORT: Final = """
from pathlib import Path
from dataenvgym_spec.execute.entry import entry
from dataenvgym_spec.store.layout import Layout
entry(Layout(root=Path.cwd()), "many")
"""

SPEC: Final[dict[str, Any]] = {
    "version": 1,
    "name": "many",
    "task": {
        "kind": "math",
        "sources": {"words": {"kind": PACKAGE}},
        "score": {"kind": "exact-match"},
        "splits": {
            "test": {"from": "words", "draw": {"per_group": 5}},
            "selection": {"from": "words", "draw": {"per_group": 1}},
            "feedback": {"from": "words", "draw": {"per_group": 2}, "show": 0.5},
        },
    },
    "student": {
        "model": {
            "kind": "scratch",
            "hidden_size": 16,
            "intermediate_size": 16,
            "layers": 1,
            "heads": 2,
            "vocabulary": 700,
            "pretrain": {
                "source": "words",
                "examples": {"group00": 200},
                "length": {"steps": 2},
                "learning_rate": 1e-3,
                "batch_size": 16,
            },
        },
        "train": {
            "length": {"steps": 20},
            "learning_rate": 1e-3,
            "batch_size": 32,
            "max_length": 128,
            "dtype": "float32",
        },
        "generate": {"dtype": "float32", "max_new_tokens": 2},
        "prompt": {"template": "builtin:question"},
    },
    "teachers": {"generator": {"kind": "procedural", "source": "words"}},
    "environment": "skill-list",
    "skills": {"discover": {"kind": "gold"}},
    "agent": {
        "observe": {"scores": True, "yield": True, "errors": 1},
        "policy": {"kind": "even"},
        "engine": {"kind": "procedural", "teacher": "generator"},
        "checks": {
            "scorable": {"action": "reject"},
            "duplicate": {"action": "reject"},
            "overlap": {"action": "reject"},
            "near-duplicate": {"action": "reject"},
            "near-overlap": {"action": "reject", "against": ["test"]},
        },
    },
    "loop": {"iterations": 1, "teach": {"examples": 0, "refill": 0}},
}


def package(folder: Path) -> Path:
    """Installs the source into a folder, as an installer would lay it out."""
    shutil.copytree(HERE / PACKAGE, folder / PACKAGE)
    info = folder / f"{PACKAGE}-1.dist-info"
    info.mkdir()
    head = f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 1\n"
    (info / "METADATA").write_text(head, encoding="utf-8")
    named = f"source.{PACKAGE} = {PACKAGE}.source:Sentences"
    points = f"[dataenvgym_spec.components]\n{named}\n"
    (info / "entry_points.txt").write_text(points, encoding="utf-8")
    return folder


class Measured:
    """What was measured with so many examples, kept in a file of a folder."""

    def __init__(self, work: Path, count: int) -> None:
        self.work, self.count = work / f"{count}", count
        self.file = work / f"{count}.json"
        self.figures: dict[str, Usage] = {}
        if self.file.is_file():
            kept = json.loads(self.file.read_text(encoding="utf-8"))
            self.figures = {name: Usage(**figure, out="") for name, figure in kept.items()}

    def measure(self, name: str, *command: str, cwd: Path) -> None:
        """Measures a command, unless that was done."""
        if name in self.figures:
            return
        usage = measured(*command, cwd=cwd)
        print(f"  {self.count:,}: {name}, {usage.wall:.0f} s", file=sys.stderr, flush=True)
        self.figures[name] = usage
        kept = {}
        for step, one in self.figures.items():
            kept[step] = {"wall": one.wall, "cpu": one.cpu, "megabytes": one.megabytes}
        self.file.write_text(json.dumps(kept, indent=1), encoding="utf-8")

    def all(self) -> dict[str, Usage]:
        """Runs everything that is left."""
        repo = self.work / "repo"
        if not (repo / "experiments").is_dir():
            shutil.rmtree(self.work, ignore_errors=True)
            package(self.work / "lib")
            loop = {**SPEC["loop"], "teach": {"examples": self.count, "refill": 0}}
            new_repo(repo, many={**SPEC, "loop": loop})
        os.environ["PYTHONPATH"] = os.pathsep.join([str(self.work / "lib"), *PATHS])
        measured("dataenvgym", "compile", cwd=repo)
        index = json.loads((repo / "experiments" / "many.json").read_text(encoding="utf-8"))
        for row in index["stages"]:
            folder = repo / "store" / row["directory"]
            self.measure(row["uses"][0]["label"], "dataenvgym", "stage", cwd=folder)
        self.measure("report", sys.executable, "-c", REPORT, cwd=repo)
        (check,) = (row["directory"] for row in index["stages"] if row["kind"] == "check")
        accepted = repo / "store" / check / "out" / "accepted" / "examples.jsonl"
        with accepted.open(encoding="utf-8") as lines:
            (last,) = deque(lines, maxlen=1)
        self.measure(
            "trace of one example", "dataenvgym", "trace", json.loads(last)["id"], cwd=repo
        )
        self.measure("track", "dataenvgym", "track", "many", cwd=repo)
        return self.figures


def main(count: int, work: Path, *, check: bool) -> int:
    """Measures, prints tables, and returns the exit code."""
    os.environ["DATAENVGYM_TRACK"] = "0"
    few, many = (Measured(work, size).all() for size in (count // 10, count))
    rows = []
    for name, large in many.items():
        growth = (large.megabytes - few[name].megabytes) * 1e6 / (count - count // 10)
        figures = (large.wall, large.cpu)
        megabytes = (few[name].megabytes, large.megabytes, growth)
        cells = [f"{figure:.1f}" for figure in figures] + [f"{each:.0f}" for each in megabytes]
        rows.append([name, *cells])
    head = [f"{count:,} examples", "wall s", "CPU s", f"MB at {count // 10:,}", "MB", "bytes each"]
    table(head, rows)
    worst = max(usage.megabytes for usage in many.values())
    print(f"the most that a process took: {worst:.0f} MB")
    return int(check and worst > MOST)


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description="Measures loops of very many examples.")
    parser.add_argument("count", nargs="?", type=int, default=10_000)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--check", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    options = arguments()
    with tempfile.TemporaryDirectory() as own:
        folder = Path(own) if options.work is None else options.work.resolve()
        folder.mkdir(exist_ok=True)
        sys.exit(main(options.count, folder, check=options.check))
