"""A process that has imported DVC and forks a child for each call of it, or of another command.

To start DVC takes half a second of a processor, most of it imports; a fork takes none of that. It
is `python -m dataenvgym_spec.schedule.starter`, for `schedule.local`: requests come as lines of
JSON on standard input, and each child that ended is a line on standard output. Everything that it
has started ends with it, and it ends with who started it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, Final, NoReturn

from dataenvgym_spec.core.faults import as_shells
from dataenvgym_spec.store.dvc import messages
from dataenvgym_spec.store.locks import die_with_parent, hear_interrupts

LOOK: Final = 0.02
"""Seconds between two looks of DVC whether its lock is free."""
PRELOAD: Final = (
    *("dvc._debug", "dvc.analytics", "dvc.cachemgr", "dvc.cli", "dvc.commands.repro"),
    *("dvc.compare", "dvc.data_cloud", "dvc.dirs", "dvc.repo", "dvc.repo.reproduce", "dvc.rwlock"),
    *("dvc.scm", "dvc.stage.cache", "dvc.stage.run", "dvc.stage.serialize", "dvc_render"),
    *("configobj", "dulwich.repo", "ruamel.yaml", "scmrepo.git"),
)
"""What DVC imports on its way to a stage."""


def serve() -> None:
    """Forks a child per request until standard input ends."""
    _import()
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    # The handler has nothing to do: that a child ended is written to the pipe.
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    children: dict[int, str] = {}
    rest = b""
    while True:
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(woken, 1 << 16)
            _report(children)
        if 0 in ready:
            data = os.read(0, 1 << 16)
            if not data:  # who asked is gone
                _send(children, signal.SIGKILL)
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                _obey(json.loads(line), children)


def _import() -> None:
    for name in PRELOAD:
        importlib.import_module(name)
    from dvc.cli.parser import get_main_parser

    get_main_parser()  # DVC keeps it
    messages.wait_closely(LOOK)
    # Without it, collecting garbage in a child would copy the pages that it shares.
    gc.freeze()


def _obey(request: dict[str, Any], children: dict[int, str]) -> None:
    """Starts a child, or sends all of them a signal."""
    if "signal" in request:
        _send(children, request["signal"])
        return
    starter = os.getpid()
    pid = os.fork()
    if pid == 0:
        _child(request, starter)
    # Both do it: neither may come too late for a signal to the group.
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)
    children[pid] = request["id"]


def _send(children: dict[int, str], number: int) -> None:
    """Sends a signal to children and to what they have started."""
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, number)


def _report(children: dict[int, str]) -> None:
    """Tells which children have ended."""
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        code = os.waitstatus_to_exitcode(status)
        if code < 0:
            # What a killed DVC has left must not go on beside the next attempt.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        line = json.dumps({"id": children.pop(pid), "exit": as_shells(code)})
        os.write(1, f"{line}\n".encode())


def _child(request: dict[str, Any], starter: int) -> NoReturn:
    """Calls DVC, and ends this process: nothing may return into the loop."""
    code = 1
    try:
        os.setpgid(0, 0)
        die_with_parent(starter)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        hear_interrupts()
        _stand(request)
        if "command" in request:
            os.chdir(request["folder"])
            os.execvp(request["command"][0], request["command"])
        code = _dvc(request["arguments"])
    except KeyboardInterrupt:
        code = messages.INTERRUPTED
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
        os._exit(code)


def _stand(request: dict[str, Any]) -> None:
    """Gives this process the environment of a stage, and a file for its output."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for descriptor, number in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, number)
    os.environ.update(request["environ"])


def _dvc(arguments: list[str]) -> int:
    """Calls DVC; returns the exit code of the stage if that failed, or else DVC's."""
    code, heard = messages.call(arguments)
    if code and heard.status:
        return as_shells(heard.status)
    # DVC has a code of its own for Ctrl-C.
    return messages.INTERRUPTED if code == 252 else code


if __name__ == "__main__":
    os.chdir(Path(sys.argv[1]))
    # Ctrl-C is for who started this; it passes on what is to end. A child that is not yet asked to
    # hear it must not lose it: what is blocked waits, what is ignored is gone.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    serve()
    os._exit(0)
