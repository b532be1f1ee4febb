"""The standard sandbox: bubblewrap where it works, and a lesser one elsewhere.

Both: a process of its own that is killed at its limits, with an empty environment, no inherited
descriptor and no capability, and (on Linux) a filter that refuses to start or signal processes and
to open connections. In bubblewrap it has also process numbers of its own, no network at all, and
sees none of the user's files. Without, it can read what the user can, and write nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.gym.sandboxes.bubblewrap import (
    HOME,
    available,
    enclosed,
    importable,
)
from dataenvgym_spec.gym.sandboxes.messages import receive, send
from dataenvgym_spec.gym.sandboxes.protocol import (
    Call,
    Ending,
    Judgement,
    Program,
    SandboxLimits,
    SandboxOutcome,
)
from dataenvgym_spec.gym.sandboxes.warm import FREE, OWN_VIEW, TOGETHER

LAUNCH: Final = "dataenvgym_spec.gym.sandboxes.launch"
WARM: Final = "dataenvgym_spec.gym.sandboxes.warm"
SCRATCH: Final = 1 << 26
"""What may be written to the working directory, in bytes."""
GRACE: Final = 30.0
"""How much longer than its limit a judge may take to answer, in seconds."""
_LOST: Final = SandboxOutcome(ending="failed", stderr="it ended the process that judges")


class Isolated:
    """Runs programs and functions without rights.

    Attributes:
        bubblewrap: the path of the program; None for the lesser sandbox.
        readable: files that the functions need.
        free: for functions that hand what they are given to another sandbox: they are only
            separate, and can be killed.
    """

    def __init__(self) -> None:
        self.bubblewrap = available()
        self.readable: tuple[Path, ...] = ()
        self.free = False
        self._judge: _Judge | None = None

    @property
    def name(self) -> str:
        """What it consists of here, for logs."""
        return "bubblewrap" if self.bubblewrap and not self.free else "process"

    def run(self, program: Program, limits: SandboxLimits) -> SandboxOutcome:
        """Runs a program; see `Sandbox`."""
        if self.bubblewrap is None:
            message = "programs that a model wrote are run in bubblewrap, which does not work here"
            raise UserError(message, help="install it: apt-get install bubblewrap")
        command = [sys.executable if word == "python" else word for word in program.command]
        launch = [sys.executable, "-m", LAUNCH, json.dumps(asdict(limits))]
        with tempfile.TemporaryDirectory() as folder:
            for name, text in program.files.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            inside = enclosed(
                self.bubblewrap,
                scratch=SCRATCH,
                readable=importable(),
                given=folder,
                variables=_variables(None),
            )
            return _run([*inside, *launch, *command], program.stdin, limits)

    def judge(
        self, judgement: Judgement, calls: Sequence[Call], limits: SandboxLimits
    ) -> list[SandboxOutcome]:
        """Calls an installed function; see `Sandbox`."""
        outcomes: dict[int, SandboxOutcome] = {}
        self._try(judgement, calls, _groups(calls, free=self.free), limits, outcomes)
        # What fails in company is judged again alone, so that no answer depends on another.
        shared = {n for n, call in enumerate(calls) if call.plain or self.free}
        again = [[n] for n in sorted(shared) if outcomes[n].ending != "returned"]
        self._try(judgement, calls, again, limits, outcomes)
        return [outcomes[number] for number in range(len(calls))]

    def close(self) -> None:
        """Ends the process that judges."""
        if self._judge is not None:
            self._judge.close()
        self._judge = None

    def start(self, judgement: Judgement) -> None:
        """Starts the process that judges, which imports its library while others work."""
        if self._judge is None or self._judge.judgement != judgement:
            self.close()
            self._judge = _Judge(self, judgement)

    def _try(
        self,
        judgement: Judgement,
        calls: Sequence[Call],
        groups: list[list[int]],
        limits: SandboxLimits,
        outcomes: dict[int, SandboxOutcome],
    ) -> None:
        """Judges groups of calls. One that ends the process that judges costs itself alone."""
        while groups:
            self.start(judgement)
            assert self._judge is not None
            done = self._judge.answers(calls, groups, limits, outcomes)
            if done < len(groups):
                outcomes.update(dict.fromkeys(groups[done], _LOST))
                self.close()
            groups = groups[done + 1 :]


class _Judge:
    """A process that judges, and the connection to it."""

    def __init__(self, sandbox: Isolated, judgement: Judgement) -> None:
        self.judgement = judgement
        self.folder = tempfile.mkdtemp()
        self.errors = Path(self.folder, "errors.txt")
        self.ready = False
        variables = dict(_variables(self.folder))
        self.connection, other = socket.socketpair()
        with other, self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                _command(sandbox),
                stdin=other.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=variables,
                cwd=self.folder,
                start_new_session=True,
            )
        # Whoever forgets a judge does not leave its process behind.
        self.close = weakref.finalize(self, _end, self.connection, self.process, self.folder)

    def _wait(self) -> None:
        """Waits until the process has made the function.

        Raises:
            UserError: a component cannot be made, as it says itself.
            StageError: the function cannot be made for another reason.
        """
        answer = None
        if not self.ready:
            with suppress(OSError):
                send(self.connection, asdict(self.judgement))
                answer = receive(self.connection)
            self.ready = answer is not None and answer["fault"] is None
        if self.ready:
            return
        reason = self._last_words() if answer is None else answer["fault"]
        if answer is not None and answer.get("user"):
            raise UserError(reason, help=answer["help"])
        raise StageError(f"what judges answers cannot be started: {reason}")

    def _last_words(self) -> str:
        lines = self.errors.read_text(encoding="utf-8", errors="replace").split("\n")
        return "\n".join(line for line in lines[-2:] if line) or "its process ended"

    def answers(
        self,
        calls: Sequence[Call],
        groups: Sequence[Sequence[int]],
        limits: SandboxLimits,
        outcomes: dict[int, SandboxOutcome],
    ) -> int:
        """Has groups of calls judged; returns how many were, before the process ended."""
        request = {
            "calls": [call.arguments for call in calls],
            "groups": groups,
            "limits": asdict(limits),
        }
        self._wait()
        self.connection.settimeout(limits.seconds + GRACE)
        for done, group in enumerate(groups):
            try:
                if done == 0:
                    send(self.connection, request)
                answers = receive(self.connection)
            except OSError:
                answers = None
            if answers is None:
                return done
            for position, answer in zip(group, answers, strict=True):
                outcomes[position] = SandboxOutcome(**answer)
        return len(groups)


def _end(connection: socket.socket, process: subprocess.Popen[bytes], folder: str) -> None:
    """Ends a process that judges, and removes its folder."""
    connection.close()
    process.kill()
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)


def _groups(calls: Sequence[Call], *, free: bool) -> list[list[int]]:
    """Which calls share a child: plain ones, up to a number."""
    together = [n for n, call in enumerate(calls) if call.plain or free]
    size = max(1, len(together)) if free else TOGETHER
    groups = [together[start : start + size] for start in range(0, len(together), size)]
    alone = set(range(len(calls))).difference(together)
    return groups + [[number] for number in sorted(alone)]


def _command(sandbox: Isolated) -> list[str]:
    """How the process that judges is started."""
    start = [sys.executable, "-m", WARM]
    if sandbox.free:
        return [*start, FREE]
    if sandbox.bubblewrap is None:
        return start
    inside = enclosed(
        sandbox.bubblewrap,
        scratch=SCRATCH,
        readable=[*importable(), *sandbox.readable],
        variables=_variables(None),
    )
    return [*inside, *start, OWN_VIEW]


def _variables(folder: str | None) -> tuple[tuple[str, str], ...]:
    """The environment: nothing of the user's, and nothing by which two runs differ."""
    home = folder or HOME
    return (
        ("HOME", home),
        ("LANG", "C.UTF-8"),
        ("OMP_NUM_THREADS", "1"),
        ("OPENBLAS_NUM_THREADS", "1"),
        ("PATH", os.defpath),
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("PYTHONHASHSEED", "0"),
        ("PYTHONPATH", os.pathsep.join(path for path in sys.path if path)),
        ("TMPDIR", home),
    )


def _run(command: list[str], text: str, limits: SandboxLimits) -> SandboxOutcome:
    """Runs a command within its limits."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=errors,
            env={},
            start_new_session=True,
        )
        late = False
        try:
            process.communicate(text.encode(), timeout=limits.seconds)
        except subprocess.TimeoutExpired:
            late = True
        process.kill()
        code = process.wait()
        ending: Ending = "failed" if code else "returned"
        if max(_size(out), _size(errors)) > limits.output:
            ending = "output"
        elif late:
            ending = "timeout"
        return SandboxOutcome(
            ending=ending,
            code=None if late else code,
            stdout=_text(out, limits),
            stderr=_text(errors, limits),
            seconds=round(time.monotonic() - started, 3),
        )


def _size(stream: Any) -> int:
    return os.fstat(stream.fileno()).st_size


def _text(stream: Any, limits: SandboxLimits) -> str:
    stream.seek(0)
    data: bytes = stream.read(limits.output)
    return data.decode("utf-8", errors="replace")
