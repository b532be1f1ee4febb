"""The command line that starts a program in bubblewrap: what it sees of this machine."""

from __future__ import annotations

import os
import shutil
import signal
import site
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.hashing import STEADY
from dataenvgym_spec.gym.sandboxes import filter as calls

SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache")
"""What programs and their libraries are read from."""
HOME: Final = "/scratch"
"""Its working directory, in memory; not `/tmp`, below which a package may lie."""

GIVEN: Final = "/given.json"
"""Where the files of a program are, by name."""

SCRATCH: Final = 1 << 26
"""What may be written to a working directory, in bytes."""

MODULE: Final = (sys.executable, "-P", "-m")
"""Runs a module, which imports nothing from its working directory (`-P`)."""

WARM: Final = (*MODULE, "dataenvgym_spec.gym.sandboxes.warm")
"""The process that judges."""

OWN_VIEW: Final = "own-view"
"""Its argument in bubblewrap, where a child sees none of the user's files and may write."""


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
    mounts: bool = False,
) -> list[str]:
    """The beginning of a command: no network, no other process, nothing to write but a folder.

    Args:
        program: bubblewrap's path.
        scratch: how many bytes it may write to its working directory, which is in memory.
        readable: files and folders that it sees, besides the system's and the interpreter's.
        given: a file that it sees as `GIVEN`.
        mounts: whether it may change what it sees, which it does for its children.
    """
    command = [program, "--unshare-all", "--unshare-user", "--disable-userns"]
    command += ["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
    if mounts:
        command += ["--cap-add", "CAP_SYS_ADMIN"]
    for name, value in variables(HOME):
        command += ["--setenv", name, value]
    seen = [*map(Path, SYSTEM), Path(sys.base_prefix), Path(sys.prefix), *readable]
    for path in dict.fromkeys(seen):
        command += ["--ro-bind-try", str(path), str(path)]
    if given is not None:
        command += ["--ro-bind", given, GIVEN]
    command += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    command += ["--size", str(scratch), "--tmpfs", HOME, "--chdir", HOME]
    return [*command, "--remount-ro", "/"]


def judging(program: str, readable: Iterable[Path] = ()) -> list[str]:
    """The command of a process that judges; arguments as of `enclosed`."""
    inside = enclosed(
        program,
        scratch=SCRATCH,
        readable=[*importable(), *readable],
        # What takes this right from a child is the filter.
        mounts=calls.possible(),
    )
    return [*inside, *WARM, OWN_VIEW]


def stop(process: subprocess.Popen[bytes]) -> int:
    """Ends a process with all that runs inside of it; returns its exit code.

    `--die-with-parent` is not sure while bubblewrap starts. So its child, with which all inside
    ends, is killed first, by itself, while the process is held and can start no other.
    """
    if process.poll() is None and sys.platform == "linux":
        # It may be gone by now, and nobody has to wait for it where SIGCHLD is ignored.
        with suppress(OSError):
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
            for child in children.split():
                os.kill(int(child), signal.SIGKILL)
    process.kill()
    return process.wait()


def variables(home: str) -> tuple[tuple[str, str], ...]:
    """The environment: nothing of the user's, and nothing by which two runs differ."""
    return (
        ("HOME", home),
        ("LANG", "C.UTF-8"),
        ("OMP_NUM_THREADS", "1"),
        ("OPENBLAS_NUM_THREADS", "1"),
        ("PATH", os.defpath),
        ("PYTHONDONTWRITEBYTECODE", "1"),
        *STEADY.items(),
        ("PYTHONPATH", os.pathsep.join(path for path in sys.path if path)),
        ("TMPDIR", home),
    )


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
