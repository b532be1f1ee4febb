"""What git has to do with a sweep: what is committed of it, and what git's commands then take.

Prints Markdown; see README.md for recorded figures.

python benchmarks/committed.py        # sweeps of 1,200 and 25,000 stages, about ten minutes
python benchmarks/committed.py 50     # one of fifty experiments

Of each stage a lock is made up in DVC's form. Stage files, locks and indexes are committed as users
do it, which is all that git sees. Then one line of the spec is changed in a branch, compiled and
committed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

import yaml
from measure import Usage, measured, table
from repositories import new_repo, sweep

POINTS = (50, 1000)
"""Experiments of three arms and two iterations: about 1,200 stages, and 25,000."""
ITERATIONS = 2
USER = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "gc.auto=0")
STATES: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("one arm", "one line: `steep` plans by another power", {"power": 3.0}),
    ("all", "one line: other examples in each iteration", {"examples": 110}),
)


def git(repo: Path, *arguments: str) -> Usage:
    """A command of git, measured."""
    return measured("git", *USER, *arguments, cwd=repo)


def cells(usage: Usage) -> list[str]:
    """Its times."""
    return [f"{usage.cpu:.2f}", f"{usage.wall:.2f}"]


def megabytes(folder: Path) -> float:
    """What a folder holds."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def changed(spec: dict[str, object], change: dict[str, object]) -> dict[str, object]:
    """A spec with one line changed."""
    text = yaml.safe_dump(spec, sort_keys=False)
    if "power" in change:
        text = text.replace("power: 2.0", f"power: {change['power']}")
    if "examples" in change:
        text = text.replace("examples: 100", f"examples: {change['examples']}")
    other: dict[str, object] = yaml.safe_load(text)
    assert other != spec
    return other


def lock(folder: Path) -> str:
    """A lock of a stage, as DVC writes it: with hashes of nothing."""
    lines = ["schema: '2.0'", "stages:"]
    for line in (folder / "dvc.yaml").read_text(encoding="utf-8").splitlines()[1:]:
        head, _, path = line.partition("    - ")
        if head:
            lines.append(line)
            continue
        digest = hashlib.md5(f"{folder.name} {path}".encode()).hexdigest()
        lines += [f"    - path: {path}", "      hash: md5"]
        if path == "stage.json":
            size = (folder / path).stat().st_size
            lines += [f"      md5: {digest}", f"      size: {size}"]
        else:
            lines += [
                f"      md5: {digest}.dir",
                f"      size: {int(digest[:4], 16)}",
                "      nfiles: 3",
            ]
    return "\n".join(lines) + "\n"


def measure(work: Path, points: int) -> None:
    """One size."""
    spec = sweep("sweep", points)
    spec["loop"] |= {"iterations": ITERATIONS}
    repo = new_repo(work / "repo", sweep=spec)
    measured("dataenvgym", "compile", cwd=repo)
    folders = sorted((repo / "store").iterdir())
    for folder in folders:
        (folder / "dvc.lock").write_text(lock(folder), encoding="utf-8")
    git(repo, "add", "specs", ".gitignore", ".gitattributes", ".dvc", ".dvcignore")
    git(repo, "commit", "-qm", "specs")
    rows = [["`git add -A`", *cells(git(repo, "add", "-A"))]]
    rows.append(["`git commit`", *cells(git(repo, "commit", "-qm", "made"))])
    rows.append(["`git status`, first", *cells(git(repo, "status", "--short"))])
    rows.append(["`git status`, again", *cells(git(repo, "status", "--short"))])
    names = [name for name in git(repo, "ls-files", "-z").out.split("\0") if name]
    size = sum((repo / name).lstat().st_size for name in names) / 1e6
    git(repo, "repack", "-adq")
    packed = megabytes(repo / ".git" / "objects")
    print(f"## {len(folders):,} stages of {points:,} experiments\n")
    print(f"{len(names):,} files of {size:.1f} MB are committed; packed, {packed:.1f} MB.\n")
    branch = git(repo, "branch", "--show-current").out.strip()
    clone = work / "clone"
    rows.append(
        [
            "`git clone`",
            *cells(measured("git", "clone", "-q", f"file://{repo}", str(clone), cwd=work)),
        ]
    )
    rows.append(["`git status` in the clone", *cells(git(clone, "status", "--short"))])
    for name, words, change in STATES:
        path = repo / "specs" / "sweep.yaml"
        git(repo, "checkout", "-q", "-b", name.replace(" ", "-"))
        path.write_text(yaml.safe_dump(changed(spec, change), sort_keys=False), encoding="utf-8")
        rows.append(
            [f"{words}: `dataenvgym compile`", *cells(measured("dataenvgym", "compile", cwd=repo))]
        )
        rows.append([f"{words}: `git add -A`", *cells(git(repo, "add", "-A"))])
        rows.append([f"{words}: `git commit`", *cells(git(repo, "commit", "-qm", name))])
        stat = git(repo, "diff", "--shortstat", f"{branch}..HEAD")
        rows.append([f"{words}: `git diff --stat`:{stat.out.rstrip()}", *cells(stat)])
        shown = git(repo, "diff", "--shortstat", f"{branch}..HEAD", "--", *by_hand(repo, branch))
        rows.append([f"{words}: what is not generated:{shown.out.rstrip()}", *cells(shown)])
        rows.append(["`git checkout` back", *cells(git(repo, "checkout", "-q", branch))])
    table(("what", "CPU s", "wall s"), rows)


def by_hand(repo: Path, branch: str) -> list[str]:
    """The changed files that `.gitattributes` does not call generated, as a review shows them."""
    names = git(repo, "diff", "--name-only", "-z", f"{branch}..HEAD").out
    attributes = subprocess.run(
        ["git", "check-attr", "-z", "--stdin", "linguist-generated"],
        cwd=repo,
        input=names,
        capture_output=True,
        text=True,
        check=True,
    )
    fields = attributes.stdout.split("\0")
    named = zip(fields[::3], fields[2::3], strict=False)
    return [name for name, value in named if value in ("unspecified", "unset")]


def main() -> None:
    """Both sizes, or others."""
    parser = argparse.ArgumentParser()
    parser.add_argument("points", nargs="*", type=int, default=POINTS)
    given = parser.parse_args()
    version = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True)
    print(f"{os.cpu_count()} cores, {version.stdout.strip()}\n")
    for points in given.points:
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), points)


if __name__ == "__main__":
    main()
