"""Runs works side by side on this machine, each by a call of DVC in a process of its own.

DVC is forked from a process that has imported it (`starter`). What a stage prints goes to a file of
its own.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.faults import KILLED, is_fault
from dataenvgym_spec.core.hashing import STEADY
from dataenvgym_spec.core.room import GIVEN, LEFT, VISIBLE
from dataenvgym_spec.schedule import starter
from dataenvgym_spec.schedule.capacity import Capacity
from dataenvgym_spec.schedule.protocol import RUNS, Finished, Needs, Standing, Work, shard_command
from dataenvgym_spec.store.dvc.programs import environment
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.locks import die_with_parent

Variables = Callable[[Work], Mapping[str, str]]
"""What the environment of a work has besides."""
QUIET: Final = {"DVC_NO_ANALYTICS": "1"}
"""DVC would start a process after each call to report its use."""
SHOWN: Final = 12
"""Lines of a failed stage's output that are shown."""


class LocalRunner:
    """Works side by side on one machine.

    Args of the constructor:
        layout: the repository.
        capacity: what there is to use.
        variables: what the environment of a work has besides.
        slots: how many works run at once; by default as many as have room.
    """

    def __init__(
        self, layout: Layout, capacity: Capacity, variables: Variables, *, slots: int | None = None
    ) -> None:
        self.layout, self.capacity, self.variables = layout, capacity, variables
        self.slots = slots or capacity.cpus
        self.running: dict[str, Work] = {}
        self.gpus: dict[str, tuple[str, ...]] = {}
        """The GPUs of each work that runs."""
        self._ended: deque[Finished] = deque()
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""

    def fits(self, work: Work) -> bool:
        """Whether there is a slot for a work, and what it needs."""
        if len(self.running) >= self.slots:
            return False
        return self._has_room(self._needs_with(work))

    def _needs_with(self, work: Work) -> list[Needs]:
        """What a work needs, and those that run."""
        return [self.capacity.clipped(one.needs) for one in (*self.running.values(), work)]

    def _has_room(self, used: list[Needs]) -> bool:
        memory = sum(needs.memory for needs in used)
        return (
            sum(needs.cpus for needs in used) <= self.capacity.cpus
            and sum(needs.gpus for needs in used) <= len(self.capacity.gpus)
            and memory <= (self.capacity.memory or memory)
        )

    def start(self, work: Work) -> Standing:
        """Has DVC make the targets of a work, or a shard of one."""
        output = self.layout.output(work.id)
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(b"")
        request = {
            "id": work.id,
            **self._called(work),
            "environ": {**self._given(work), **self.variables(work)},
            "output": str(output),
        }
        self.running[work.id] = work
        self._tell(request)
        return RUNS

    def give_up(self, works: Sequence[Work]) -> None:
        """Nothing: what was not started is nowhere."""

    def news(self) -> Sequence[tuple[Work, Standing]]:
        """Nothing: what was started runs."""
        return ()

    def _called(self, work: Work) -> dict[str, Any]:
        """What is called for a work: DVC, or for a shard what DVC would call for its stage."""
        if work.shard is not None:
            folder = self.layout.root / work.targets[0].partition(":")[0]
            return {"command": shard_command(work.shard), "folder": str(folder.parent)}
        options = ["--single-item", *(["--pull"] if work.pull else [])]
        # A `dvc push` or `dvc pull` of somebody else in this clone is waited for.
        return {"arguments": ["--wait-for-lock", "repro", *options, *work.targets]}

    def _given(self, work: Work) -> dict[str, str]:
        """What of this machine a work may use."""
        given = {**self._devices(work), GIVEN: str(self.capacity.clipped(work.needs).cpus)}
        if self.capacity.memory:
            used = sum(needs.memory for needs in self._needs_with(work))
            given[LEFT] = str(max(0, self.capacity.memory - used))
        return given

    def _devices(self, work: Work) -> dict[str, str]:
        """The GPUs that a work may see: no other work sees them meanwhile.

        Where it is to use none it sees none, also of a machine of which works may use none.
        """
        taken = {name for names in self.gpus.values() for name in names}
        free = [name for name in self.capacity.gpus if name not in taken]
        self.gpus[work.id] = tuple(free[: self.capacity.clipped(work.needs).gpus])
        return {VISIBLE: ",".join(self.gpus[work.id])}

    def finished(self, timeout: float | None = None) -> Finished | None:
        """Waits for one of the works that are running."""
        until = None if timeout is None else time.monotonic() + timeout
        while not self._ended and self.running:
            left = None if until is None else max(0.0, until - time.monotonic())
            if not self._listen(left):
                return None
        return self._ended.popleft() if self._ended else None

    def _listen(self, timeout: float | None) -> bool:
        """Hears which works have ended; returns whether there was anything to hear."""
        process = self._started()
        assert process.stdout is not None
        if not select.select([process.stdout], [], [], timeout)[0]:
            return False
        data = os.read(process.stdout.fileno(), 1 << 16)
        if not data:
            self._lost()
            return True
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            answer = json.loads(line)
            self._end(answer["id"], answer["exit"])
        return True

    def _end(self, name: str, code: int) -> None:
        work = self.running.pop(name)
        self.gpus.pop(name, None)
        message = reason(self.layout.output(name)) if code else ""
        self._ended.append(Finished(work=work, code=code, fault=is_fault(code), message=message))

    def _lost(self) -> None:
        """The process that starts others was killed, and all that it had started with it."""
        if self._process is not None:
            self._process.wait()
        self._process, self._rest = None, b""
        for name in list(self.running):
            self._end(name, KILLED)

    def stop(self, *, now: bool) -> None:
        """Ends what runs: its process groups, since DVC lets its stage see to Ctrl-C."""
        if self.running:
            self._tell({"signal": int(signal.SIGKILL if now else signal.SIGINT)})

    def close(self) -> None:
        """Ends all processes."""
        if self._process is None:
            return
        # Its standard input ends, and it kills what still runs.
        self._process.communicate()
        self._process = None

    def _tell(self, request: dict[str, Any]) -> None:
        process = self._started()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            return  # that it is gone is heard of in `finished`

    def _started(self) -> subprocess.Popen[bytes]:
        """The process that starts others."""
        if self._process is not None:
            return self._process
        parent = os.getpid()
        # Without -P, Python would import a `dvc.py` of the repository in place of DVC.
        command = [sys.executable, "-P", "-m", starter.__name__, str(self.layout.root)]
        self.layout.private.mkdir(exist_ok=True)
        with (self.layout.private / "starter.log").open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**environment(), **STEADY, **QUIET},
                # Ctrl-C at the terminal is for this process, which passes on what is to end.
                start_new_session=True,
                # A killed run takes all that it has started with it.
                preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509
            )
        return self._process


def reason(output: Path) -> str:
    """Why a stage failed, by what it printed: its error, or else the last lines."""
    try:
        text = output.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    errors = [number for number, line in enumerate(lines) if line.startswith("error: ")]
    if not errors:
        return "\n".join(lines[-SHOWN:])
    # DVC's own words follow, which only say that the stage failed.
    shown = []
    for line in lines[errors[-1] :][:SHOWN]:
        if line.startswith("ERROR: "):
            break
        shown.append(line)
    return "\n".join(shown)
