"""A server on this machine that answers a teacher's questions, from its start to its end."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol

from dataenvgym_spec.core.chat_template import read_template
from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.ports import free_port
from dataenvgym_spec.core.secrets import Secrets, opening
from dataenvgym_spec.core.variables import VLLM_CACHE, VLLM_CACHE_GIB
from dataenvgym_spec.gym.teachers import guard
from dataenvgym_spec.gym.teachers.refusals import Target

START_SECONDS: Final = 3600
"""How long a server may take to start: a large model is read from a disk that may be far away."""
LOOK: Final = 0.2
"""Seconds between two looks at whether it is there."""
LINES: Final = 15
"""Lines of its log that a message shows."""
PLAIN: Final = "{% for message in messages %}{{ message.content }}\n\n{% endfor %}"
"""How a model without a chat template is asked: by the texts alone."""


class Unwanted(StageError):
    """Nobody waited for the start of a server any more."""


class Running(Protocol):
    """A server that runs, whoever keeps it.

    Attributes:
        port: on the loopback interface.
        key: without it nothing is answered.
    """

    port: int
    key: str

    def fault(self) -> StageError | None:
        """That it ended by itself; None if it runs."""

    def close(self) -> None:
        """Says that it is no longer needed."""


Starts = Callable[[Sequence[str], Sequence[str], Path], Running]
"""Starts a server, or finds the one that is kept: a program, its arguments, the model's folder."""


def target(server: Running, name: str) -> Target:
    """Where the questions of a teacher go."""
    base = f"http://127.0.0.1:{server.port}/v1"
    return Target(
        name=f"the server of '{name}'",
        base=base,
        url=f"{base}/chat/completions",
        headers={"Authorization": f"Bearer {server.key}"},
        key=server.key,
    )


class Server:
    """A server on a free port of the loopback interface; nobody else has its key.

    It is ended by `close`, and with this process, however that ends (`guard`).

    Args of the constructor:
        program: what is started.
        arguments: of it, but for where it listens.
        model: its folder.
        wanted: whether anybody still waits for its start.

    Raises:
        Unwanted: nobody waited for its start any more.
        StageError: it did not start.
    """

    def __init__(
        self,
        program: Sequence[str],
        arguments: Sequence[str],
        model: Path,
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        self._wanted = wanted
        self.key = secrets.token_hex(16)
        self._folder = TemporaryDirectory()
        folder = Path(self._folder.name)
        self._log = folder / "log"
        self.port = free_port("127.0.0.1")
        arguments = [*arguments, "--host=127.0.0.1", f"--port={self.port}"]
        if read_template(model) is None:
            (folder / "plain.jinja").write_text(PLAIN, encoding="utf-8")
            arguments.append(f"--chat-template={folder / 'plain.jinja'}")
        with self._log.open("wb") as log:
            self._guard = subprocess.Popen(
                [sys.executable, guard.__file__, *program, *arguments],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=self._environment(),
            )
        try:
            self._wait()
        except BaseException:
            self.close()
            raise

    @property
    def runs(self) -> bool:
        """Whether its process is there."""
        return self._guard.poll() is None

    def fault(self) -> StageError | None:
        """That it ended by itself; None if it runs."""
        with suppress(subprocess.TimeoutExpired):
            self._guard.wait(guard.PATIENCE)  # it no longer listens while it ends
        return None if self.runs else self._failed("ended")

    def close(self) -> None:
        """Ends it, and whatever it started."""
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._guard.wait(2 * guard.PATIENCE)
        with suppress(ProcessLookupError):
            os.killpg(self._guard.pid, signal.SIGKILL)
        self._guard.wait()
        self._folder.cleanup()

    def _environment(self) -> dict[str, str]:
        environ = {**os.environ, "VLLM_API_KEY": self.key}
        # Its engine is a process of its own there, whatever vLLM in this process wants.
        environ.pop("VLLM_ENABLE_V1_MULTIPROCESSING", None)
        environ.setdefault("VLLM_NO_USAGE_STATS", "1")
        environ.setdefault(VLLM_CACHE, str(VLLM_CACHE_GIB))
        return environ

    def _wait(self) -> None:
        """Waits until it answers."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if not self._wanted():
                raise Unwanted("a server of a teacher is no longer wanted")
            if not self.runs:
                raise self._failed("ended while it started")
            if self._answers(opener):
                return
            time.sleep(LOOK)
        raise self._failed(f"was not there after {START_SECONDS} s")

    def _answers(self, opener: urllib.request.OpenerDirector) -> bool:
        try:
            with opener.open(f"http://127.0.0.1:{self.port}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:  # nobody listens yet
            return False

    def _failed(self, what: str) -> StageError:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        # What ends a server says much after the error.
        errors = [line for line in lines if "ERROR" in line]
        # It has the environment of this process, with all keys in it.
        hide = Secrets([self.key, *opening(os.environ)]).hide
        said = hide("\n".join((errors or lines)[-LINES:]))
        return StageError(f"the server of a teacher {what}", help=f"the end of its log:\n{said}")
