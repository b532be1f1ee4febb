"""What a machine and a repository need, and setting it up. Text is made in `cli`."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import yaml

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.language.schema import schema_text
from dataenvgym_spec.store.dvc.programs import dvc
from dataenvgym_spec.store.layout import IGNORED, UNSEEN, Layout, find_root

EXTRAS: Final = {
    "torch": ("torch", "train"), "transformers": ("transformers", "train"), "accelerate": ("accelerate", "train"), "peft": ("peft", "train"),
    "reasoning_gym": ("reasoning-gym", "math"), "matplotlib": ("matplotlib", "report"), "scipy": ("scipy", "report"),
    "mlflow": ("mlflow", "track"), "vllm": ("vllm", "vllm"),
}  # fmt: skip
DRIVER: Final = "merge.dataenvgym-lock"
ATTRIBUTES: Final = ("/dvc.lock merge=dataenvgym-lock", "/store/*/dvc.lock merge=dataenvgym-lock")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str
    help: str = ""
    needed: bool = True


def examine() -> list[Finding]:
    """Looks at the machine and at the repository that the working directory lies in."""
    found = [_python(), _program("git"), _program("dvc")]
    found += [_package(module, *names) for module, names in EXTRAS.items()]
    try:
        layout = Layout(root=find_root())
    except UserError as error:
        return [*found, Finding(name="repository", ok=False, detail=error.message, help=error.help)]
    return [
        *found,
        Finding(name="repository", ok=True, detail="git and DVC"),
        *_ignored(layout),
        _driver(layout),
        *_started(layout),
        *_damaged(layout),
    ]


def repair(here: Path | None = None) -> list[str]:
    """Sets up the repository that a folder (default: the working directory) lies in; returns what was done."""
    done: list[str] = []
    here = here or Path.cwd()
    if _git("rev-parse", "--git-dir", cwd=here).returncode:
        _must(_git("init", "--quiet", cwd=here))
        done.append("git init")
    try:
        root = find_root(here)
    except UserError:
        top = Path(_git("rev-parse", "--show-toplevel", cwd=here).stdout.strip() or here)
        _must(
            subprocess.run(
                [dvc(), "init", "--quiet"], cwd=top, capture_output=True, text=True, check=False
            )
        )
        done.append("dvc init")
        root = top
    done += (
        _append(root / ".gitignore", IGNORED)
        + _append(root / ".gitattributes", ATTRIBUTES)
        + _append(root / ".dvcignore", UNSEEN)
    )
    if _git("config", f"{DRIVER}.driver", cwd=root).stdout.strip() != "true":
        # A lock names one machine's log; two of one stage never merge line by line, so one side is taken whole.
        _must(_git("config", f"{DRIVER}.driver", "true", cwd=root))
        _must(_git("config", f"{DRIVER}.name", "keep one side of a DVC lock whole", cwd=root))
        done.append("git merge driver for dvc.lock")
    return done


def _git(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=cwd, capture_output=True, text=True, check=False)


def _must(result: subprocess.CompletedProcess[str]) -> None:
    if result.returncode:
        raise UserError(
            f"'{' '.join(map(str, result.args))}' failed: {result.stderr.strip()}",
            help="mend that and run again",
        )


def _append(path: Path, lines: tuple[str, ...]) -> list[str]:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    missing = [line for line in lines if line not in text.splitlines()]
    if missing:
        path.write_text(
            text + ("" if text.endswith("\n") or not text else "\n") + "\n".join(missing) + "\n",
            encoding="utf-8",
        )
    return [f"{len(missing)} lines of {path.name}"] if missing else []


def _python() -> Finding:
    detail = ".".join(map(str, sys.version_info[:3]))
    return Finding(
        name="python",
        ok=sys.version_info >= (3, 11),
        detail=detail,
        help="install Python 3.11 or later",
    )


def _program(name: str) -> Finding:
    beside = Path(sys.executable).with_name(name)
    path = str(beside) if beside.exists() else shutil.which(name)
    return Finding(
        name=name,
        ok=path is not None,
        detail="found" if path else "not found",
        help=f"install {name}",
    )


def _package(module: str, distribution: str, extra: str) -> Finding:
    ok = importlib.util.find_spec(module) is not None
    try:
        detail = version(distribution) if ok else f"for extra '{extra}'"
    except PackageNotFoundError:
        detail = "found"
    return Finding(
        name=distribution,
        ok=ok,
        detail=detail,
        help=f"pip install 'dataenvgym-spec[{extra}]'",
        needed=False,
    )


def _ignored(layout: Layout) -> list[Finding]:
    path = layout.root / ".gitignore"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    missing = [line for line in IGNORED if line not in lines]
    detail = f"lacks {', '.join(missing)}" if missing else "keeps results out of git"
    return [
        Finding(name=".gitignore", ok=not missing, detail=detail, help="dataenvgym doctor --fix")
    ]


def _driver(layout: Layout) -> Finding:
    path = layout.root / ".gitattributes"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    ok = (
        all(line in lines for line in ATTRIBUTES)
        and _git("config", f"{DRIVER}.driver").stdout.strip() == "true"
    )
    return Finding(
        name="merge driver for locks",
        ok=ok,
        detail="set" if ok else "not set",
        help="dataenvgym doctor --fix",
        needed=False,
    )


def _started(layout: Layout) -> list[Finding]:
    """What `init` brings besides: a spec, the schema that editors read, and what DVC need not look into."""
    count = len(layout.specs())
    specs = Finding(
        name="specs",
        ok=count > 0,
        detail=f"{count} in specs/" if count else "none in specs/",
        help="dataenvgym init",
        needed=False,
    )
    path = layout.root / "schemas" / "experiment.schema.json"
    fresh = path.is_file() and path.read_text(encoding="utf-8", errors="replace") == schema_text()
    detail = "up to date" if fresh else "is of another version" if path.exists() else "not there"
    schema = Finding(
        name="schema for editors",
        ok=fresh,
        detail=detail,
        help="dataenvgym schema --write",
        needed=False,
    )
    unseen = layout.root / ".dvcignore"
    lines = (
        unseen.read_text(encoding="utf-8", errors="replace").splitlines()
        if unseen.is_file()
        else []
    )
    missing = [line for line in UNSEEN if line not in lines]
    detail = f"lacks {', '.join(missing)}" if missing else "keeps DVC out of large folders"
    return [
        specs,
        schema,
        Finding(
            name=".dvcignore",
            ok=not missing,
            detail=detail,
            help="dataenvgym doctor --fix",
            needed=False,
        ),
    ]


def _damaged(layout: Layout) -> list[Finding]:
    """Files that would stop every DVC command, or a stage."""
    bad = []
    for path in [
        layout.pipeline,
        layout.root / "dvc.lock",
        *layout.store.glob("*/dvc.yaml"),
        *layout.store.glob("*/dvc.lock"),
    ]:
        try:
            content = yaml.load(
                path.read_text(encoding="utf-8"),
                Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader),
            )
            if not isinstance(content, dict):
                bad.append(path)
        except FileNotFoundError:
            continue
        except (OSError, ValueError, yaml.YAMLError):
            bad.append(path)
    names = ", ".join(path.relative_to(layout.root).as_posix() for path in bad[:3])
    help = "delete dvc.lock files that are damaged; for the others: dataenvgym compile"
    return [
        Finding(
            name="store",
            ok=not bad,
            detail=f"damaged: {names}" if bad else "no damaged file",
            help=help,
        )
    ]
