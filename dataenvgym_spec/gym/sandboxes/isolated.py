"""The standard sandbox: bubblewrap where it works, and a lesser one elsewhere.

Both: a process of its own that is killed at its limits, with an empty environment, no inherited
descriptor and no capability, and (on Linux) a filter that refuses to start or signal processes and
to open connections. In bubblewrap it has also process numbers of its own, no network at all, and
sees none of the user's files. Without, it can read what the user can, and write nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Literal

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.gym.sandboxes import filter as calls
from dataenvgym_spec.gym.sandboxes.bubblewrap import (
    MODULE,
    SCRATCH,
    WARM,
    available,
    enclosed,
    importable,
    judging,
    stop,
)
from dataenvgym_spec.gym.sandboxes.judge import JudgeProcess
from dataenvgym_spec.gym.sandboxes.protocol import (
    Call,
    Ending,
    Judgement,
    Program,
    SandboxLimits,
    SandboxOutcome,
)
from dataenvgym_spec.gym.sandboxes.shared import connected
from dataenvgym_spec.gym.sandboxes.warm import FREE, TOGETHER

LAUNCH: Final = "dataenvgym_spec.gym.sandboxes.launch"
BLOCK: Final = 256
"""How many groups of calls are handed over at once: a large evaluation is no single message."""
_LOST: Final = SandboxOutcome(ending="failed", stderr="it ended the process that judges")


class Isolated:
    """Runs programs and functions without rights.

    Attributes:
        bubblewrap: the path of the program; None for the lesser sandbox.
        lesser: whether programs that a model wrote are executed in that one, too.
        readable: files that the functions need.
        free: for functions that hand what they are given to another sandbox: they are only
            separate, and can be killed.
        alone: for functions whose code may change: the process that has imported it serves nobody
            else.
    """

    def __init__(self, *, lesser: Literal["refuse", "allow"] = "refuse") -> None:
        self.bubblewrap = available()
        self.lesser = lesser
        self.readable: tuple[Path, ...] = ()
        self.free = self.alone = False
        self._judge: JudgeProcess | None = None

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
        launch = [*MODULE, LAUNCH, json.dumps(asdict(limits))]
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as given:
            # They are written inside, where a name that leads elsewhere leads nowhere.
            json.dump(dict(program.files), given)
            given.flush()
            inside = enclosed(
                self.bubblewrap,
                scratch=SCRATCH,
                readable=importable(),
                given=given.name,
            )
            return _run([*inside, *launch, *command], program.stdin, limits)

    def judge(
        self, judgement: Judgement, calls: Sequence[Call], limits: SandboxLimits
    ) -> list[SandboxOutcome]:
        """Calls an installed function; see `Sandbox`."""
        if judgement.executes:
            self._require_room()
        outcomes: dict[int, SandboxOutcome] = {}
        self._try(judgement, calls, _groups(calls), limits, outcomes)
        # What fails in company is judged again alone, so that no answer depends on another.
        shared = [n for n, call in enumerate(calls) if call.computed]
        again = [[n] for n in shared if outcomes[n].ending != "returned"]
        self._try(judgement, calls, again, limits, outcomes)
        return [outcomes[number] for number in range(len(calls))]

    def _require_room(self) -> None:
        """Refuses programs where nothing keeps the user's files from them.

        Raises:
            UserError: it does.
        """
        if self.bubblewrap is not None:
            return
        message = "programs that a model wrote are run in bubblewrap, which does not work here"
        remedy = "install it: apt-get install bubblewrap"
        if not calls.possible():
            raise UserError(message, help=remedy)
        if self.lesser == "refuse":
            remedy += (
                "; or let them read whatever you can, and write nothing: "
                "sandbox: {kind: isolated, lesser: allow}"
            )
            raise UserError(message, help=remedy)

    def close(self) -> None:
        """Ends the process that judges."""
        if self._judge is not None:
            self._judge.close()
        self._judge = None

    def start(self, judgement: Judgement) -> None:
        """Starts the process that judges, which imports its library while others work."""
        if self._judge is None or self._judge.judgement != judgement:
            self.close()
            # What is shared sees no file of one stage, and gives no rights.
            own = self.bubblewrap is None or self.free or self.alone or bool(self.readable)
            connection = None if own else connected()
            self._judge = JudgeProcess(judgement, self._command(), connection)

    def _command(self) -> list[str]:
        """How a process that judges for this sandbox alone is started."""
        if self.free:
            return [*WARM, FREE]
        if self.bubblewrap is None:
            return list(WARM)
        return judging(self.bubblewrap, self.readable)

    def _try(
        self,
        judgement: Judgement,
        calls: Sequence[Call],
        groups: list[list[int]],
        limits: SandboxLimits,
        outcomes: dict[int, SandboxOutcome],
        *,
        last: bool = False,
    ) -> None:
        """Judges groups of calls. One that ends the process that judges costs itself alone.

        It may have been another one, which ran beside it, or somebody who killed the process: so
        each has a second try, alone.
        """
        while groups:
            self.start(judgement)
            assert self._judge is not None
            block = groups[:BLOCK]
            done = self._judge.answers(calls, block, limits, outcomes)
            if done < len(block):
                self.close()
                if last:
                    outcomes.update(dict.fromkeys(block[done], _LOST))
                else:
                    self._try(judgement, calls, [block[done]], limits, outcomes, last=True)
                done += 1
            groups = groups[done:]


def _groups(calls: Sequence[Call]) -> list[list[int]]:
    """Which calls share a child: computed ones, up to a number."""
    together = [n for n, call in enumerate(calls) if call.computed]
    starts = range(0, len(together), TOGETHER)
    groups = [together[start : start + TOGETHER] for start in starts]
    return groups + [[n] for n, call in enumerate(calls) if not call.computed]


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
        code = stop(process)
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
