"""A real language model as student and teacher: LoRA on reasoning-gym and GSM8K, in both backends.

It fetches the model (see `gemma.py`), makes a repository, runs the specs of `real/` there by
plain `dvc repro`, and trains beside TRL (see `training.py`). Nothing of this is a dependency of the
project or is kept in it. What is done is not done again: a second call goes on in the same folder.

python benchmarks/real.py FOLDER                   # all of it, about a quarter of an hour
python benchmarks/real.py FOLDER --only gsm8k      # a part: one of its specs, or training

GSM8K is read from `--data`, a folder that holds its files `gsm8k-train.jsonl` and
`gsm8k-test.jsonl` as they were published; without them it is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import gemma
from measure import table
from repositories import ROOT, new_repo

from dataenvgym_spec import load as notebook
from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.files import read_rows, write_rows
from dataenvgym_spec.results.experiment import Results, load

SPECS: Final = ROOT / "benchmarks" / "real"
BACKENDS: Final = ("reasoning", "gsm8k")
"""Experiments with one student that two backends read."""
DECIDING: Final = "deciding"
EXPERIMENTS: Final = (*BACKENDS, "teacher", DECIDING)
TRAINING: Final = "training"
TRL: Final = "trl==1.16.0"
DATA: Final = ROOT.parent / "shared" / "data"
STUDENTS: Final = ("base", "last")

Figures = list[dict[str, Any]]


def repository(folder: Path, data: Path | None) -> Path:
    """A repository with the specs; GSM8K's only where there is GSM8K."""
    repo = folder / "repo"
    if repo.is_dir():
        return repo
    new_repo(repo)
    specs = repo / "specs"
    shutil.copytree(SPECS, specs, dirs_exist_ok=True)
    if data is None:
        (specs / "gsm8k.yaml").unlink()
    else:
        rows = read_rows(data / "gsm8k-test.jsonl")
        # The family that teaches a skill has its name.
        write_rows(specs / "gsm8k.jsonl", [{**row, "topic": "gsm8k"} for row in rows])
    return repo


def experiment(name: str, repo: Path, models: Path) -> dict[str, Figures]:
    """Runs an experiment, and says what came out of it and where the time went."""
    environment = {**os.environ, "DATAENVGYM_ROOTS": f"models={models}", "HF_HUB_OFFLINE": "1"}
    start = time.monotonic()
    for command in (["dataenvgym", "compile"], ["dvc", "repro", name]):
        subprocess.run(command, cwd=repo, check=True, env=environment)
    wall = time.monotonic() - start
    results = load(name, repo)
    made = {
        "scores": list(scores(results)),
        "seconds": list(seconds(results)),
    }
    if name in BACKENDS:
        made["agreement"] = list(agreement(results))
    if name == DECIDING:
        made["plans"] = list(plans(name, repo))
    for title, rows in made.items():
        print(f"\n{name}: {title} (this call: {wall:.0f} s)\n")
        show(rows)
    return made


def scores(results: Results) -> Iterator[dict[str, Any]]:
    """Right answers of each arm's students to the sealed items, by group."""
    for run in results.runs:
        for student in STUDENTS:
            rows = run.sealed(student)
            by_group: dict[str, list[Result]] = {"all": rows}
            for row in rows:
                by_group.setdefault(row.group, []).append(row)
            for group, members in by_group.items():
                yield {
                    "arm": run.arm,
                    "student": student,
                    "group": group,
                    "items": len(members),
                    "right": sum(row.correct for row in members),
                    "cut": sum(row.truncated for row in members),
                }


def seconds(results: Results) -> Iterator[dict[str, Any]]:
    """What each stage that uses the model took; a stage that arms share is there once."""
    for stage in results.stages:
        log = stage.log
        if log is None or stage.kind not in {"train", "evaluate", "generate"}:
            continue
        tokens = log.tokens or {}
        if stage.kind == "generate" and not tokens:
            continue  # nobody asked the model
        worked = log.training_seconds or log.seconds.get("generate", 0.0)
        count = sum(tokens.values())
        yield {
            "stage": stage.label(),
            "backend": log.backend or "",
            "precision": log.precision or "",
            "tokens": count,
            "load_s": round(log.seconds.get("load", 0.0), 1),
            "work_s": round(worked, 1),
            "total_s": round(log.seconds["total"], 1),
            "tokens_per_s": round(count / worked, 1) if worked else "",
        }


def agreement(results: Results) -> Iterator[dict[str, Any]]:
    """To how many items both backends give the same text."""
    one, other = results.runs[0], results.runs[1]
    for student in STUDENTS:
        texts = {row.id: row.prediction for row in one.sealed(student)}
        rows = other.sealed(student)
        yield {
            "student": student,
            "items": len(rows),
            "same text": sum(texts[row.id] == row.prediction for row in rows),
        }


def plans(name: str, repo: Path) -> Iterator[dict[str, Any]]:
    """What the model decided in each plan, and whether the fallback held."""
    asked: dict[tuple[str, int], dict[str, int]] = {}
    reasons: dict[tuple[str, int], list[str]] = {}
    for row in notebook(name, root=repo).plans():
        asked.setdefault((row.arm, row.iteration), {})[row.skill] = row.asked
        reasons.setdefault((row.arm, row.iteration), []).append(row.reason)
    for (arm, iteration), amounts in asked.items():
        fell_back = any("no usable answer" in reason for reason in reasons[arm, iteration])
        yield {
            "arm": arm,
            "iteration": iteration,
            "asked for": ", ".join(f"{skill} {count}" for skill, count in amounts.items()),
            "fallback": "held" if fell_back else "",
            "reasons": "; ".join(reasons[arm, iteration]),
        }


def training(folder: Path, model: Path, data: Path | None, repetitions: int) -> Figures:
    """Trains beside TRL, in a process of its own."""
    packages, out = folder / "packages", folder / "training.json"
    if not (packages / "trl").is_dir():
        gemma.install(packages, TRL, alone=True)
    script = ROOT / "benchmarks" / "training.py"
    command = [sys.executable, str(script), str(model), str(packages), str(out)]
    command += ["--repetitions", str(repetitions)]
    if data is not None:
        command += ["--data", str(data)]
    subprocess.run(command, check=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    made: Figures = json.loads(out.read_text(encoding="utf-8"))
    return made


def show(rows: Sequence[dict[str, Any]]) -> None:
    """Prints figures as a table."""
    if rows:
        table([*rows[0]], [[str(value) for value in row.values()] for row in rows])


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where model, repository and results are")
    parser.add_argument("--only", choices=[*EXPERIMENTS, TRAINING])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with GSM8K")
    parser.add_argument("--repetitions", type=int, default=3, help="of each training beside TRL")
    given = parser.parse_args()
    folder = given.folder.resolve()
    data = given.data.resolve() if (given.data / "gsm8k-test.jsonl").is_file() else None
    if data is None:
        print(f"no GSM8K in {given.data}: it is left out\n")
    model = gemma.fetched(folder)
    wanted = [given.only] if given.only else [*EXPERIMENTS, TRAINING]
    file = folder / "real.json"
    figures = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    for name in wanted:
        if name == TRAINING:
            figures[name] = training(folder, model, data, given.repetitions)
        elif name != "gsm8k" or data is not None:
            repo = repository(folder, data)
            figures[name] = experiment(name, repo, model.parent)
        file.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
