"""Keeps one engine for the evaluations of a run: `python -m ... SOCKET PROCESS`.

Where a warm worker has imported what the engine needs, it is a child of that one's instead.

It ends with the process that it serves, or when nobody has asked for long, or when it is told to.
Who asks is in `engines`. One evaluation is answered after the other: their prompts share no batch,
because then answers would depend on who else asks.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.machine import threads_of
from dataenvgym_spec.execute.warm.client import workplace
from dataenvgym_spec.execute.warm.engines import Wanted
from dataenvgym_spec.execute.warm.kept import LOG, idle_seconds
from dataenvgym_spec.execute.warm.listening import listening
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.gym.make import make
from dataenvgym_spec.gym.students.backends.protocol import Changing, Dividing, GenerationSettings
from dataenvgym_spec.store.layout import Layout


class Holder:
    """The engine of this process, once an evaluation has asked for it."""

    def __init__(self) -> None:
        self.engine: Changing | None = None
        self.served = self.busy = ""
        """The evaluation that is served, and the same while it waits for an answer."""
        self.over = False

    def serve(self, connection: Connection, name: str) -> None:
        """Answers one evaluation, until it goes."""
        self.served = name
        try:
            request = connection.recv()
            if request is None:
                self.over = True
                return
            wanted, adapter = request
            connection.send(self._tried(self._brought, wanted, adapter and Path(adapter)))
            while True:
                connection.send(self._tried(self._generated, *connection.recv()))
        except (EOFError, ConnectionError):
            return

    def _brought(self, wanted: Wanted, adapter: Path | None) -> tuple[str, int, int | None]:
        """Brings an adapter, or none, into the engine.

        Returns:
            Where it runs, on how many GPUs, and on a CPU with how many threads of torch.
        """
        if self.engine is None:
            self.engine = make(
                Component.parse("backend", wanted.backend),
                files={name: Path(path) for name, path in wanted.files.items()},
                settings=GenerationSettings.parse(wanted.settings),
                model=Path(wanted.model),
                adapter=adapter,
            )
            print(f"loaded {wanted.model}", flush=True)
        else:
            self.engine.adapt(adapter)
        device = self.engine.device
        return device, getattr(self.engine, "gpus", 1), threads_of(device)

    def _generated(self, prompts: list[Any], seeds: list[int] | None) -> Any:
        assert self.engine is not None
        if seeds is None:
            return cast("Dividing", self.engine).groups(prompts)
        return self.engine.generate(prompts, seeds) if seeds else self.engine.generate(prompts)

    def _tried(self, work: Callable[..., Any], *arguments: Any) -> tuple[bool, Any]:
        """The result of work, or why there is none; after that this engine is not used again."""
        self.busy = self.served
        try:
            return True, work(*arguments)
        except UserError as error:
            said = error.message, error.help
        except Exception as error:
            traceback.print_exc()
            _, log = workplace(Layout(root=Path.cwd()), LOG)
            help = f"its traceback is in {log}; what was finished is kept"
            said = f"{type(error).__name__}: {error}", help
        finally:
            self.busy = ""
        self.over = True
        return False, said

    def end_with(self, descriptor: int, name: str) -> None:
        """Ends this process if who waits for an answer is gone: its stage was killed."""
        watched = select.poll()
        watched.register(descriptor, select.POLLRDHUP)
        watched.poll()
        # The next evaluation may be served already by the time that this one is seen to be gone.
        if self.busy == name:
            os._exit(1)
        os.close(descriptor)


def hold(path: Path, served: int, listens: Callable[[], object] = int) -> None:
    """Listens until the process of the run is gone, or nobody has asked for long.

    Args:
        path: of the socket.
        served: the process of the run.
        listens: called once it listens, or another process does.
    """
    idle = idle_seconds(os.environ)
    with listening(path, served) as found:
        listens()
        if found is not None:
            _answer(*found, idle)


def _answer(server: socket.socket, lifetime: int, idle: int) -> None:
    """Serves one evaluation after the other, until one fails or the engine is to end."""
    holder, names = Holder(), count(1)
    watched: list[Any] = [server, lifetime]
    while select.select(watched, [], [], idle)[0] == [server]:
        accepted, _ = server.accept()
        # A descriptor of its own: the other may be another connection's by then.
        watch = os.dup(accepted.fileno())
        name = str(next(names))
        threading.Thread(target=holder.end_with, args=(watch, name), daemon=True).start()
        with Connection(accepted.detach()) as connection:
            holder.serve(connection, name)
        if holder.over:
            # Whoever connects from now on is refused, and starts another.
            return


if __name__ == "__main__":
    hold(Path(sys.argv[1]), int(sys.argv[2]))
    # Taking torch apart would take a second.
    os._exit(0)
