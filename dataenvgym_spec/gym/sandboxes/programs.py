"""Programs as whoever tests them sees them: started, called or run, and ended at their limits.

Each has a process of its own. What it gives back is a text or a plain value, which its tests judge
in this process, where no program runs; the tests themselves never leave it.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from dataenvgym_spec.gym.sandboxes import runner
from dataenvgym_spec.gym.sandboxes.messages import receive, send
from dataenvgym_spec.gym.sandboxes.protocol import Ending, SandboxLimits
from dataenvgym_spec.gym.sandboxes.values import UnfitError, decoded, encoded

WAITING: Final = 4.0
"""How often its processor time a program may take of wall time: it may sleep, or others compute."""
KILLED: Final = (signal.SIGKILL, signal.SIGTERM)
"""Signals that say nothing of who gets them: the system's, without memory, or a person's."""
LONGEST: Final = 3600.0
"""Processor time after which the kernel ends any program, in seconds."""
SLICE: Final = 0.02
"""How often the clock of a program is looked at, in seconds."""
_HEAD: Final = 4
"""The bytes of a length."""


class ProgramEnded(Exception):
    """A program passed a limit, or ended before it had answered.

    Attributes:
        ending: how.
    """

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending = ending


class ProgramLost(BaseException):
    """A program was killed, perhaps by the system, which had no memory left, or by a person.

    Whoever tests it has no answer to that: it is tried again.
    """


class ProgramRaised(Exception):
    """A function of a program raised an exception.

    Attributes:
        name: of it, or of its nearest base that Python itself has.
    """

    def __init__(self, name: str, words: str) -> None:
        super().__init__(f"{name}: {words}" if words else name)
        self.name, self.words = name, words


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a program did that was run as a whole.

    Attributes:
        code: its exit code, or a signal as a negative number; 0 for any `sys.exit`.
        output: what it wrote to its standard output.
    """

    code: int
    output: str


class Programs:
    """Starts programs, one at a time."""

    def __init__(self, connection: socket.socket, *, last: bool = False) -> None:
        """Args: the connection to a keeper, see `forkserver`; whether nothing is tried again."""
        self._keeper, self._last = connection, last

    def run(self, sources: Sequence[str], stdin: str, limits: SandboxLimits) -> Ran:
        """Runs a program as a script.

        Args:
            sources: its texts, which are executed one after the other in one module.
            stdin: what it reads.
            limits: what it may use; of time, `cpu`, and of wall time some times as much.

        Raises:
            ProgramEnded: it passed a limit.
        """
        with closing(self._started(sources, stdin, limits)) as process:
            process.wait()
            output = process.output()
        if process.status == runner.MEMORY:
            raise ProgramEnded("memory")
        process.require_its_own_end()
        return Ran(code=process.status, output=output)

    def define(self, sources: Sequence[str], limits: SandboxLimits) -> Functions:
        """Executes a program and gives its functions; ended by `close`.

        Raises:
            ProgramEnded: it passed a limit, or ended.
            ProgramRaised: it raised an exception.
        """
        functions = Functions(self._started(sources, None, limits))
        try:
            functions.defined()
        except BaseException:
            functions.close()
            raise
        return functions

    def _started(self, sources: Sequence[str], stdin: str | None, limits: SandboxLimits) -> Process:
        seconds = limits.cpu or limits.seconds
        # Its clock is looked at here, call by call; the kernel's limit is of the whole program.
        bounds = replace(limits, cpu=LONGEST, seconds=seconds * WAITING)
        asked = {"sources": sources, "stdin": stdin, "limits": asdict(bounds)}
        started = _kept(self._keeper, asked)
        _, descriptors, *_ = socket.recv_fds(self._keeper, 1, 1)
        if not descriptors:
            raise ProgramLost
        process = Process(self._keeper, started["process"], descriptors[0], bounds, seconds)
        process.last = self._last
        return process


def _kept(keeper: socket.socket, said: Any = None) -> Any:
    """What the keeper of a program answers.

    Raises:
        ProgramLost: it is gone.
    """
    try:
        if said is not None:
            send(keeper, said)
        answer = receive(keeper)
    except OSError:
        answer = None
    if answer is None:
        raise ProgramLost
    return answer


class Process:
    """One program that was started.

    Attributes:
        status: its exit code, once it has ended.
        last: whether it counts that it was killed.
    """

    last = False

    def __init__(
        self, keeper: socket.socket, number: int, end: int, limits: SandboxLimits, seconds: float
    ) -> None:
        self.end, self.limits, self.seconds = end, limits, seconds
        self.status = 0
        self._keeper = keeper
        # The clock of another process, as `clock_getcpuclockid` makes its number.
        self._clock = (~number << 3) | 2
        self._over = False
        self.begin()

    def begin(self) -> None:
        """Begins to count its time anew."""
        self._used, self._since = self._processor(), time.monotonic()

    def wait(self) -> None:
        """Waits until it has ended.

        Raises:
            ProgramEnded: it passed its limit of time.
        """
        self.ready(self._keeper, writing=False)
        self.status = _kept(self._keeper)["status"]
        self._over = True

    def require_its_own_end(self) -> None:
        """Checks that a program which has ended was not killed.

        Raises:
            ProgramLost: it was, by whom is not known.
        """
        if -self.status in KILLED and not self.last:
            raise ProgramLost

    def ready(self, channel: socket.socket, *, writing: bool) -> None:
        """Waits until something can be read, or written.

        Raises:
            ProgramEnded: it passed its limit of time before.
        """
        while True:
            reads, writes = ([], [channel]) if writing else ([channel], [])
            if any(select.select(reads, writes, [], SLICE)):
                return
            late = time.monotonic() - self._since > self.limits.seconds
            if late or self._processor() - self._used > self.seconds:
                raise ProgramEnded("timeout")

    def output(self) -> str:
        """What it wrote.

        Raises:
            ProgramEnded: that is more than it may.
        """
        if os.fstat(self.end).st_size > self.limits.output:
            raise ProgramEnded("output")
        return os.pread(self.end, self.limits.output, 0).decode("utf-8", "replace")

    def close(self) -> None:
        """Ends it, if it has not ended."""
        if self.end < 0:
            return
        os.close(self.end)
        self.end = -1
        if self._over:
            with suppress(OSError):
                send(self._keeper, {"end": True})
        else:
            self.status = _kept(self._keeper, {"end": True})["status"]

    def _processor(self) -> float:
        """The processor time that it has used, in seconds."""
        try:
            return time.clock_gettime(self._clock)
        except OSError:  # it has ended
            return 0.0


class Functions:
    """The functions of a program."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._channel = socket.socket(fileno=os.dup(process.end))
        self._channel.setblocking(False)

    def close(self) -> None:
        """Ends the program."""
        self._channel.close()
        self._process.close()

    def defined(self) -> None:
        """Waits until the program is executed; see `Programs.define`."""
        self._answer()

    def call(
        self, name: str, arguments: Sequence[Any], options: Mapping[str, Any] | None = None
    ) -> Any:
        """Calls a function with copies of values, and returns a copy of its value.

        Raises:
            ProgramEnded: the program passed a limit, or ended.
            ProgramRaised: the function raised an exception.
            UnfitError: an argument cannot be passed on, or what came back is no value.
        """
        given = {key: encoded(value) for key, value in (options or {}).items()}
        asked = {"name": name, "arguments": [encoded(one) for one in arguments], "options": given}
        self._process.begin()
        self._send(json.dumps(asked).encode())
        return self._answer()

    def _answer(self) -> Any:
        """The value that the program says."""
        try:
            answer = json.loads(self._receive())
        except (ValueError, RecursionError) as error:
            raise UnfitError("it is no value") from error
        if not isinstance(answer, dict) or not ({"value", "raised"} & answer.keys()):
            raise UnfitError("it is no value")
        if "value" in answer:
            return decoded(answer["value"])
        if answer["raised"] == "MemoryError":
            raise ProgramEnded("memory")
        raise ProgramRaised(str(answer["raised"]), str(answer.get("words", "")))

    def _send(self, data: bytes) -> None:
        rest = memoryview(len(data).to_bytes(_HEAD, "big") + data)
        while rest:
            self._process.ready(self._channel, writing=True)
            with suppress(BlockingIOError):
                try:
                    rest = rest[self._channel.send(rest) :]
                except (BrokenPipeError, ConnectionResetError):
                    raise ProgramEnded("failed") from None

    def _receive(self) -> bytes:
        length = int.from_bytes(self._read(_HEAD), "big")
        if length > self._process.limits.output:
            raise ProgramEnded("output")
        return self._read(length)

    def _read(self, size: int) -> bytes:
        parts = []
        while size:
            self._process.ready(self._channel, writing=False)
            try:
                part = self._channel.recv(min(size, 1 << 16))
            except BlockingIOError:
                continue
            except ConnectionError:
                part = b""
            if not part:
                raise self._ended()
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _ended(self) -> ProgramEnded:
        """How a program ended that says nothing any more."""
        self._process.close()
        self._process.require_its_own_end()
        return ProgramEnded("memory" if self._process.status == runner.MEMORY else "failed")
