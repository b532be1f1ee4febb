"""What a machine and a repository need, and whether it is there. Text is made in `cli`."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import yaml

from dataenvgym_spec.core.dvc_config import cache_folder
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.gym.sandboxes.bubblewrap import available
from dataenvgym_spec.language.schema import schema_text
from dataenvgym_spec.resolve.arms import Resolved
from dataenvgym_spec.setup.finding import Finding
from dataenvgym_spec.setup.hardware.check import hardware
from dataenvgym_spec.setup.hardware.hosts import leases
from dataenvgym_spec.setup.hardware.schema import PUBLISHED
from dataenvgym_spec.setup.hardware.schema import schema_text as hardware_schema_text
from dataenvgym_spec.setup.hazards import hazards
from dataenvgym_spec.setup.keys import Asked, asked, needed, outside, readable, state_of
from dataenvgym_spec.setup.processors import without_torchvision
from dataenvgym_spec.setup.repair import ATTRIBUTES, has_driver
from dataenvgym_spec.setup.scaffold import SCHEMA
from dataenvgym_spec.store.dvc.busy import is_stale
from dataenvgym_spec.store.dvc.dialect import load
from dataenvgym_spec.store.git.program import git as git_output
from dataenvgym_spec.store.layout import IGNORED, UNSEEN, Layout, find_root

FIX: Final = "dataenvgym doctor --fix"
LARGE: Final = 20_000_000
"""Bytes of a file that does not belong into git, such as the weights of a model."""
SCARCE: Final = 1_000_000_000
"""Free bytes below which a student or a cache of packages soon does not fit."""
MOST_NAMED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """An optional package: its module, its name in the registry, and the extra that brings it."""

    module: str
    distribution: str
    extra: str


PACKAGES: Final = (
    Package(module="torch", distribution="torch", extra="train"),
    Package(module="transformers", distribution="transformers", extra="train"),
    Package(module="huggingface_hub", distribution="huggingface-hub", extra="train"),
    Package(module="accelerate", distribution="accelerate", extra="train"),
    Package(module="peft", distribution="peft", extra="train"),
    Package(module="datasets", distribution="datasets", extra="train"),
    Package(module="reasoning_gym", distribution="reasoning-gym", extra="math"),
    Package(module="math_verify", distribution="math-verify", extra="math"),
    Package(module="rensa", distribution="rensa", extra="near"),
    Package(module="imagehash", distribution="imagehash", extra="near"),
    Package(module="sklearn", distribution="scikit-learn", extra="skills"),
    Package(module="aiohttp", distribution="aiohttp", extra="teachers"),
    Package(module="aiolimiter", distribution="aiolimiter", extra="teachers"),
    Package(module="circuitbreaker", distribution="circuitbreaker", extra="teachers"),
    Package(module="tenacity", distribution="tenacity", extra="teachers"),
    Package(module="matplotlib", distribution="matplotlib", extra="report"),
    Package(module="scipy", distribution="scipy", extra="report"),
    Package(module="mlflow", distribution="mlflow", extra="track"),
    Package(module="PIL", distribution="pillow", extra="vision"),
    Package(module="pyarrow", distribution="pyarrow", extra="vision"),
    Package(module="diffusers", distribution="diffusers", extra="diffusers"),
    Package(module="pandas", distribution="pandas", extra="frames"),
    Package(module="trl", distribution="trl", extra="preferences"),
    Package(module="bitsandbytes", distribution="bitsandbytes", extra="quantized"),
    Package(module="vllm", distribution="vllm", extra="vllm"),
)
"""What the extras bring. A test compares it with the definitions of the built-in components."""


def examine() -> list[Finding]:
    """Looks at the machine and at the repository that holds the working directory."""
    machine = [_python(), _program("git"), _program("dvc"), *map(_package, PACKAGES)]
    machine.append(_sandbox())
    try:
        layout = Layout(root=find_root())
    except UserError as error:
        repository = Finding(name="repository", ok=False, detail=error.message, help=error.help)
        return [*machine, repository]
    specs = readable(layout)
    return [
        *machine,
        Finding(name="repository", ok=True, detail="git and DVC"),
        _ignored(layout),
        _driver(layout),
        _left(layout),
        _specs(layout),
        *_services(specs),
        *_processors(specs),
        _schema(layout),
        _unseen(layout),
        _store(layout),
        _large(layout),
        _space(layout),
        *hardware(layout.root, os.environ),
        *leases(layout, os.environ),
        *hazards(layout, os.environ),
    ]


# --- the machine ------------------------------------------------------------------------------


def _python() -> Finding:
    detail = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info >= (3, 11)
    return Finding(name="python", ok=ok, detail=detail, help="install Python 3.11 or later")


def _program(name: str) -> Finding:
    # The one of this environment comes first, which need not be active.
    neighbour = Path(sys.executable).with_name(name)
    ok = neighbour.exists() or shutil.which(name) is not None
    detail = "found" if ok else "not found"
    return Finding(name=name, ok=ok, detail=detail, help=f"install {name}")


def _package(package: Package) -> Finding:
    ok = importlib.util.find_spec(package.module) is not None
    detail = _version(package.distribution) if ok else f"for extra '{package.extra}'"
    return Finding(
        name=package.distribution,
        ok=ok,
        detail=detail,
        help=f"pip install 'dataenvgym-spec[{package.extra}]'",
        needed=False,
    )


def _sandbox() -> Finding:
    ok = available() is not None
    detail = "works" if ok else "does not work: answers are judged in a lesser sandbox"
    remedy = "install it (apt-get install bubblewrap); see docs/judging.md for what it adds"
    return Finding(name="bubblewrap", ok=ok, detail=detail, help=remedy, needed=False)


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:  # a module without metadata
        return "found"


# --- the repository ---------------------------------------------------------------------------


def _ignored(layout: Layout) -> Finding:
    missing = _missing(layout.root / ".gitignore", IGNORED)
    detail = f"lacks {', '.join(missing)}" if missing else "keeps results out of git"
    return Finding(name=".gitignore", ok=not missing, detail=detail, help=FIX)


def _driver(layout: Layout) -> Finding:
    ok = not _missing(layout.root / ".gitattributes", ATTRIBUTES) and has_driver()
    detail = "set" if ok else "not set"
    name = "merge drivers"
    return Finding(name=name, ok=ok, detail=detail, help=FIX, needed=False)


def _left(layout: Layout) -> Finding:
    """What a killed DVC leaves that no later one gets past."""
    stale = is_stale(layout)
    detail = "stops DVC: a killed one has left it" if stale else "names nobody who is gone"
    return Finding(name=".dvc/tmp/rwlock", ok=not stale, detail=detail, help=FIX)


def _specs(layout: Layout) -> Finding:
    count = len(layout.specs())
    detail = f"{count} in specs/" if count else "none in specs/"
    help = "dataenvgym init"
    return Finding(name="specs", ok=count > 0, detail=detail, help=help, needed=False)


def _services(specs: Sequence[Resolved]) -> list[Finding]:
    services = asked(specs, os.environ)
    return [*_keys(services), *_programs(services)]


def _processors(specs: Sequence[Resolved]) -> list[Finding]:
    """What no extra brings, as its builds differ from machine to machine, and a student needs."""
    found = []
    for family, files in without_torchvision(specs).items():
        detail = f"for the student of {_several(files)}, a {family}"
        help = "pip install torchvision   (the build that fits the torch that is installed)"
        found.append(Finding(name="torchvision", ok=False, needed=False, detail=detail, help=help))
    return found


def _several(names: Sequence[str]) -> str:
    """Some of some names."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}"


def _programs(services: tuple[Asked, ...]) -> list[Finding]:
    """What is outside of the process is asked where the user says what its name means."""
    found = []
    for name, one in outside(services).items():
        detail, help = "allowed here, by a command", ""
        if not one.service.command:
            detail = "allowed here, by an address"
        for fault in one.service.faults:
            detail, help = fault.message, fault.help
        ok = not one.service.faults
        found.append(Finding(name=name, ok=ok, detail=detail, help=help, needed=False))
    return found


def _keys(services: tuple[Asked, ...]) -> list[Finding]:
    """Without its key a service is not asked; whoever replays needs none."""
    found = []
    for variable, files in needed(services).items():
        ok, state = state_of(variable, os.environ)
        detail = f"{state}, a key for {_several(files)}"
        help = f"export {variable}=KEY   (or run with --replay, which asks nobody)"
        found.append(Finding(name=variable, ok=ok, detail=detail, help=help, needed=False))
    return found


def _schema(layout: Layout) -> Finding:
    published = {SCHEMA: schema_text(), PUBLISHED: hardware_schema_text()}
    detail = "up to date"
    for name, text in published.items():
        path = layout.root / name
        if not path.is_file():
            detail = f"not there: {name}"
        elif path.read_text(encoding="utf-8", errors="replace") != text:
            detail = f"of another version: {name}"
    return Finding(
        name="schema for editors",
        ok=detail == "up to date",
        detail=detail,
        help="dataenvgym schema --write",
        needed=False,
    )


def _unseen(layout: Layout) -> Finding:
    missing = _missing(layout.root / ".dvcignore", UNSEEN)
    detail = f"lacks {', '.join(missing)}" if missing else "keeps DVC out of large folders"
    return Finding(name=".dvcignore", ok=not missing, detail=detail, help=FIX, needed=False)


def _missing(path: Path, lines: Iterable[str]) -> list[str]:
    """The lines that a file does not have."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    present = text.splitlines()
    return [line for line in lines if line not in present]


def _store(layout: Layout) -> Finding:
    """Files that would stop every DVC command, or a stage."""
    paths = [layout.pipeline, layout.root / "dvc.lock"]
    paths += [*layout.store.glob("*/dvc.yaml"), *layout.store.glob("*/dvc.lock")]
    damaged = [path for path in paths if _is_damaged(path)]
    names = [path.relative_to(layout.root).as_posix() for path in damaged[:3]]
    detail = f"damaged: {', '.join(names)}" if names else "no damaged file"
    help = "delete dvc.lock files that are damaged; for the others: dataenvgym compile"
    return Finding(name="store", ok=not damaged, detail=detail, help=help)


def _large(layout: Layout) -> Finding:
    """Files that `git add -A` would take into git, where large ones stay for ever."""
    listing = git_output(layout, "ls-files", "-z", "--others", "--exclude-standard") or b""
    names = [os.fsdecode(name) for name in listing.split(b"\0") if name]
    large = sorted(name for name in names if _size(layout.root / name) > LARGE)
    detail = (
        f"git add -A would commit {', '.join(large[:MOST_NAMED])}"
        if large
        else "none outside of DVC"
    )
    if len(large) > MOST_NAMED:
        detail += f" and {len(large) - MOST_NAMED} more"
    help = f"dvc add {shlex.quote(large[0])}   (or name it in .gitignore)" if large else ""
    return Finding(name="large files", ok=not large, detail=detail, help=help, needed=False)


def _space(layout: Layout) -> Finding:
    """What is left on the disks of results and of DVC's cache, which would fail in other words."""
    free = {folder: _free(folder) for folder in (layout.root, cache_folder(layout.root))}
    folder = min(free, key=lambda one: free[one])
    detail = f"{free[folder] / 1e9:,.1f} GB free at {folder}"
    help = "free some space, for example with: dataenvgym gc"
    ok = free[folder] >= SCARCE
    return Finding(name="disk space", ok=ok, detail=detail, help=help, needed=False)


def _free(folder: Path) -> int:
    """Free bytes where a folder is, or will be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _is_damaged(path: Path) -> bool:
    try:
        return not isinstance(load(path.read_text(encoding="utf-8")), dict)
    except FileNotFoundError:
        return False
    except (OSError, ValueError, yaml.YAMLError):
        return True
