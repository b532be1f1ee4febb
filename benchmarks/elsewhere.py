"""A finished study elsewhere: bundled with its results, opened in another home, and reported again.

python benchmarks/elsewhere.py study                    # a study of this repository
python benchmarks/elsewhere.py study --repo FOLDER      # of another one
python benchmarks/elsewhere.py study --bin VENV/bin     # opened by another environment

The other home has no configuration of git or DVC, and an empty journal. Nothing but the report may
be executed there, and every file of the report has to have the same bytes; beyond that it exits 1.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

OWN = ("HOME", "DATAENVGYM_JOURNAL", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
"""What tells where somebody's own files are."""


def call(*command: str, cwd: Path, environ: dict[str, str]) -> str:
    """What a command prints.

    Raises:
        SystemExit: it fails.
    """
    done = subprocess.run(
        command,
        check=False,
        cwd=cwd,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def bundled(name: str, repo: Path, target: Path) -> int:
    """Bundles a study with its results; returns how many stages it has.

    Raises:
        SystemExit: a stage has no result.
    """
    command = ("dataenvgym", "bundle", name, "--with", "results", "-o", str(target), "--json")
    record = json.loads(call(*command, cwd=repo, environ=dict(os.environ)))
    if record["missing"]:
        sys.exit(f"not finished: {len(record['missing'])} of {record['stages']} stages")
    return int(record["stages"])


def executed(bundle: Path, there: Path, environ: dict[str, str]) -> dict[str, list[str]]:
    """Opens a bundle and makes its reports; returns the stages that this ran, by experiment."""
    command = ("dataenvgym", "open", str(bundle), "--into", str(there), "--json")
    record = json.loads(call(*command, cwd=there.parent, environ=environ))
    names = list(record["to_run"])
    # The weights stay at home, and the report reads none.
    call("dvc", "checkout", "-q", "--allow-missing", cwd=there, environ=environ)
    ran = {}
    for name in names:
        target = name if len(names) == 1 else f"experiments/{name}/dvc.yaml:{name}"
        said = call("dvc", "repro", "--single-item", target, cwd=there, environ=environ)
        ran[name] = re.findall("Running stage '(.*)'", said)
    return ran


def pages(repo: Path, name: str) -> dict[str, bytes]:
    """The files of a report."""
    folder = repo / "reports" / name
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def main() -> int:
    """Prints what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="an experiment or a sweep that is finished")
    parser.add_argument("--repo", type=Path, default=Path.cwd())
    parser.add_argument("--bin", type=Path, help="the programs of another environment")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="elsewhere-") as folder:
        work = Path(folder)
        home = work / "home"
        home.mkdir()
        environ = {**os.environ, **dict.fromkeys(OWN, str(home))}
        if arguments.bin:
            environ.pop("PYTHONPATH", None)
            environ["PATH"] = f"{arguments.bin.resolve()}{os.pathsep}{environ['PATH']}"
        bundle, there = work / "study.gz", work / "there"
        stages = bundled(arguments.name, arguments.repo, bundle)
        ran = executed(bundle, there, environ)
        print(f"{stages} stages, a bundle of {bundle.stat().st_size / 1e6:.1f} MB")
        right = True
        for name, steps in ran.items():
            ours, theirs = pages(arguments.repo, name), pages(there, name)
            differing = [path for path in {**ours, **theirs} if ours.get(path) != theirs.get(path)]
            others = [step for step in steps if step.rpartition(":")[2] != name]
            print(
                f"{name}: {len(others)} stages executed beside the report, "
                f"{len(differing)} of the report's {len(ours)} files differ"
            )
            for item in (*others, *differing):
                print(f"  {item}")
            right = right and bool(ours) and not others and not differing
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
