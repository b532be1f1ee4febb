"""Setting up a repository: git, DVC, what they ignore, and how locks merge."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.store.dvc.programs import dvc
from dataenvgym_spec.store.layout import IGNORED, UNSEEN, find_root

DRIVER: Final = "merge.dataenvgym-lock"
ATTRIBUTES: Final = ("/dvc.lock merge=dataenvgym-lock", "/store/*/dvc.lock merge=dataenvgym-lock")


def repair(here: Path | None = None) -> list[str]:
    """Sets up the repository that holds a folder (default: the working directory).

    Returns:
        What was done.

    Raises:
        UserError: git or DVC failed.
    """
    done: list[str] = []
    here = here or Path.cwd()
    if git("rev-parse", "--git-dir", cwd=here).returncode:
        _check(git("init", "--quiet", cwd=here))
        done.append("git init")
    try:
        root = find_root(here)
    except UserError:
        root = _init_dvc(here)
        done.append("dvc init")
    done += _append(root / ".gitignore", IGNORED)
    done += _append(root / ".gitattributes", ATTRIBUTES)
    done += _append(root / ".dvcignore", UNSEEN)
    if not has_driver(root):
        # A lock names one machine's log: two of one stage never merge line by line, so one side is
        # taken whole.
        # The program `true` succeeds and changes nothing: our side stays.
        _check(git("config", f"{DRIVER}.driver", "true", cwd=root))
        _check(git("config", f"{DRIVER}.name", "keep one side of a DVC lock whole", cwd=root))
        done.append("git merge driver for dvc.lock")
    return done


def has_driver(root: Path | None = None) -> bool:
    """Whether git knows the merge driver that `.gitattributes` names."""
    try:
        return git("config", f"{DRIVER}.driver", cwd=root).stdout.strip() == "true"
    except UserError:  # without git it knows nothing
        return False


def git(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs git, whatever it exits with.

    Raises:
        UserError: it is not installed.
    """
    command = ["git", *arguments]
    try:
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise UserError("the command 'git' is not installed", help="install git") from error


def _init_dvc(here: Path) -> Path:
    """Makes the git repository that holds a folder one of DVC."""
    top = Path(git("rev-parse", "--show-toplevel", cwd=here).stdout.strip() or here)
    command = [dvc(), "init", "--quiet"]
    _check(subprocess.run(command, cwd=top, capture_output=True, text=True, check=False))
    return top


def _check(result: subprocess.CompletedProcess[str]) -> None:
    if result.returncode:
        command = " ".join(map(str, result.args))
        message = f"'{command}' failed: {result.stderr.strip()}"
        raise UserError(message, help="mend that and run again")


def _append(path: Path, lines: tuple[str, ...]) -> list[str]:
    """Adds the lines that a file is missing; says how many."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    missing = [line for line in lines if line not in text.splitlines()]
    if not missing:
        return []
    if text and not text.endswith("\n"):
        text += "\n"
    added = "\n".join(missing)
    path.write_text(f"{text}{added}\n", encoding="utf-8")
    return [f"{len(missing)} lines of {path.name}"]
