"""Setting up a repository: git, DVC, what they ignore, and how locks merge."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.store.atomic import write
from dataenvgym_spec.store.dvc.busy import release
from dataenvgym_spec.store.dvc.programs import dvc
from dataenvgym_spec.store.layout import IGNORED, UNSEEN, Layout, find_root

DRIVERS: Final = {
    # A lock names one machine's log: two of one stage never merge line by line, so one side is
    # taken whole. So is what `compile` writes again. The program `true` changes nothing: our side
    # stays.
    "dataenvgym-lock": ("true", "keep one side of a generated file whole"),
    # The root file has stages of the user too.
    "dataenvgym-pipeline": (
        'PATH="$PATH:.venv/bin" dataenvgym merge %O %A %B',
        "merge dvc.yaml by stage",
    ),
}
"""The merge drivers of git: the program of each, and what it does."""
WHOLE: Final = (
    "/dvc.lock",
    "/experiments/*.json",
    "/experiments/*/dvc.lock",
    "/experiments/*/dvc.yaml",
    "/store/*/dvc.lock",
    "/store/*/dvc.yaml",
    "/store/*/stage.json",
)
ATTRIBUTES: Final = (
    *(f"{path} merge=dataenvgym-lock" for path in WHOLE),
    "/dvc.yaml merge=dataenvgym-pipeline",
    # A review shows what people wrote.
    *(f"{path} linguist-generated" for path in ("/dvc.yaml", "/dvc.lock")),
    *(f"{path} linguist-generated" for path in ("/experiments/**", "/store/**", "/schemas/**")),
)
"""Lines of the root `.gitattributes`."""
WEIGHTS: Final = ("*.safetensors", "*.gguf", "*.ckpt", "*.pt", "*.pth", "pytorch_model*.bin")
"""More lines of a `.gitignore` that is new: models, which git would keep for ever."""


def repair(here: Path | None = None, *, subdir: bool = False) -> list[str]:
    """Sets up the repository that holds a folder (default: the working directory).

    Args:
        here: the folder.
        subdir: whether a folder inside of a git repository that does not use DVC becomes a project
            of DVC by itself; else the whole git repository becomes one.

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
        root = _init_dvc(here, subdir=subdir)
        done.append("dvc init")
    ignored = root / ".gitignore"
    done += _append(ignored, IGNORED if ignored.exists() else (*IGNORED, *WEIGHTS))
    done += _append(root / ".gitattributes", ATTRIBUTES)
    done += _append(root / ".dvcignore", UNSEEN)
    if not has_driver(root):
        for driver, (program, purpose) in DRIVERS.items():
            _check(git("config", f"merge.{driver}.driver", program, cwd=root))
            _check(git("config", f"merge.{driver}.name", purpose, cwd=root))
        done.append("git merge drivers for dvc.lock and what compile writes")
    if release(Layout(root=root)):
        done.append("a list of who works here, which a killed DVC had left, removed")
    return done


def has_driver(root: Path | None = None) -> bool:
    """Whether git knows the merge drivers that `.gitattributes` names."""
    try:
        for driver, (program, _) in DRIVERS.items():
            if git("config", f"merge.{driver}.driver", cwd=root).stdout.strip() != program:
                return False
    except UserError:  # without git it knows nothing
        return False
    return True


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


def _init_dvc(here: Path, *, subdir: bool) -> Path:
    """Makes the git repository that holds a folder, or the folder in it, a project of DVC."""
    top = Path(git("rev-parse", "--show-toplevel", cwd=here).stdout.strip() or here)
    command = [dvc(), "init", "--quiet"]
    if subdir and here.resolve() != top.resolve():
        top = here.resolve()
        command.append("--subdir")
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
    # Whole or not at all: the file is the user's, and a disk may be full.
    write(path.resolve(), f"{text}{added}\n")
    return [f"{len(missing)} lines of {path.name}"]
