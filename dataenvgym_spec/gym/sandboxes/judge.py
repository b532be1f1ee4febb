"""A process that judges as a stage sees it: its own, or a connection to a shared one."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.gym.sandboxes.bubblewrap import stop, variables
from dataenvgym_spec.gym.sandboxes.lanes import lanes
from dataenvgym_spec.gym.sandboxes.messages import receive, send
from dataenvgym_spec.gym.sandboxes.protocol import Call, Judgement, SandboxLimits, SandboxOutcome

GRACE: Final = 30.0
"""How much longer than its limit a judge may take to answer, in seconds."""


class JudgeProcess:
    """A process that judges, and the connection to it."""

    def __init__(
        self, judgement: Judgement, command: Sequence[str], connection: socket.socket | None
    ) -> None:
        """Sends it the judgement, which it makes while others work.

        Args:
            judgement: what it makes.
            command: how one is started.
            connection: to one that is shared; without it, one is started.
        """
        self.judgement = judgement
        self.folder = tempfile.mkdtemp()
        self.errors = Path(self.folder, "errors.txt")
        self.ready = False
        process = None
        if connection is None:
            connection, process = self._started(command)
        self.connection = connection
        # Whoever forgets a judge does not leave its process behind.
        self.close = weakref.finalize(self, _end, connection, process, self.folder)
        with suppress(OSError):  # the reason is told when it does not answer
            send(connection, asdict(judgement))

    def _started(self, command: Sequence[str]) -> tuple[socket.socket, subprocess.Popen[bytes]]:
        connection, other = socket.socketpair()
        with other, self.errors.open("wb") as errors:
            process = subprocess.Popen(
                command,
                stdin=other.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=dict(variables(self.folder)),
                cwd=self.folder,
                start_new_session=True,
            )
        return connection, process

    def _wait(self) -> None:
        """Waits until the process has made the function.

        Raises:
            UserError: a component cannot be made, as it says itself.
            StageError: the function cannot be made for another reason.
        """
        if self.ready:
            return
        answer = None
        with suppress(OSError):
            answer = receive(self.connection)
        self.ready = answer is not None and answer["fault"] is None
        if self.ready:
            return
        reason = self._last_words() if answer is None else answer["fault"]
        if answer is not None and answer.get("user"):
            raise UserError(reason, help=answer["help"])
        raise StageError(f"what judges answers cannot be started: {reason}")

    def _last_words(self) -> str:
        said = ""
        if self.errors.exists():
            said = self.errors.read_text(encoding="utf-8", errors="replace")
        lines = said.split("\n")
        return "\n".join(line for line in lines[-2:] if line) or "its process ended"

    def answers(
        self,
        calls: Sequence[Call],
        groups: Sequence[Sequence[int]],
        limits: SandboxLimits,
        outcomes: dict[int, SandboxOutcome],
    ) -> int:
        """Has groups of calls judged; returns how many were, before the process ended."""
        asked = [[calls[number].arguments for number in group] for group in groups]
        # A process that is shared serves stages with more processors and with fewer.
        at_once = lanes(os.environ)
        request = {"groups": asked, "limits": asdict(limits), "lanes": at_once}
        self._wait()
        self.connection.settimeout(limits.seconds + GRACE)
        for done, group in enumerate(groups):
            try:
                if done == 0:
                    send(self.connection, request)
                answers = receive(self.connection)
            # A value may be nested more deeply than can be read from here.
            except (OSError, RecursionError):
                answers = None
            if answers is None:
                return done
            for position, answer in zip(group, answers, strict=True):
                outcomes[position] = SandboxOutcome(**answer)
        return len(groups)


def _end(connection: socket.socket, process: subprocess.Popen[bytes] | None, folder: str) -> None:
    """Ends a connection and the process behind it, unless it is shared; removes its folder."""
    connection.close()
    if process is not None:
        stop(process)
    shutil.rmtree(folder, ignore_errors=True)
