"""The command line that starts a program in bubblewrap: what it sees of this machine."""

from __future__ import annotations

import shutil
import site
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Final

SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache")
"""What programs and their libraries are read from."""
HOME: Final = "/scratch"
"""Its working directory, in memory; not `/tmp`, below which a package may lie."""

GIVEN: Final = "/given"
"""Where the files of a program lie."""


@cache
def available() -> str | None:
    """The path of bubblewrap, if it is installed and this machine lets it work."""
    program = shutil.which("bwrap")
    if program is None:
        return None
    command = [*enclosed(program, scratch=1 << 20), "/bin/true"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return program if done.returncode == 0 else None


def enclosed(
    program: str,
    *,
    scratch: int,
    readable: Iterable[Path] = (),
    given: str | None = None,
    variables: Sequence[tuple[str, str]] = (),
) -> list[str]:
    """The beginning of a command: no network, no other process, nothing to write but a folder.

    Args:
        program: bubblewrap's path.
        scratch: how many bytes it may write to its working directory, which is in memory.
        readable: files and folders that it sees, besides the system's and the interpreter's.
        given: a folder that it sees as `GIVEN`.
        variables: of its environment.
    """
    command = [program, "--unshare-all", "--unshare-user", "--disable-userns"]
    command += ["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
    for name, value in variables:
        command += ["--setenv", name, value]
    seen = [*map(Path, SYSTEM), Path(sys.base_prefix), Path(sys.prefix), *readable]
    for path in dict.fromkeys(seen):
        command += ["--ro-bind-try", str(path), str(path)]
    if given is not None:
        command += ["--ro-bind", given, GIVEN]
    command += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    command += ["--size", str(scratch), "--tmpfs", HOME, "--chdir", HOME]
    return [*command, "--remount-ro", "/"]


def importable() -> list[Path]:
    """The places that this process imports from.

    Of one that holds more than code (the working directory, a repository) only its packages.
    """
    places = []
    installed = {*site.getsitepackages(), sysconfig.get_path("stdlib")}
    for entry in map(Path, sys.path):
        if str(entry) in installed or not entry.is_dir():
            continue
        if entry.resolve() == Path.cwd() or (entry / ".git").exists():
            places += _packages(entry)
        else:
            places.append(entry)
    return [*places, Path(__file__).parents[2]]


def _packages(folder: Path) -> list[Path]:
    """The packages in a folder; modules beside them may be anything."""
    return [path.parent for path in folder.glob("*/__init__.py")]
