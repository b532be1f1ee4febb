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
from collections.abc import Callable, Collection
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, Queue
from typing import Any, cast

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.machine import threads_of
from dataenvgym_spec.execute.warm.client import workplace
from dataenvgym_spec.execute.warm.engines import Wanted
from dataenvgym_spec.execute.warm.kept import LOG, idle_seconds, stays
from dataenvgym_spec.execute.warm.listening import listening
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.gym.make import make
from dataenvgym_spec.gym.students.backends.protocol import Changing, Dividing, GenerationSettings
from dataenvgym_spec.store.layout import Layout

Request = tuple[Wanted, str | None]
"""The engine that an evaluation asks for, and the folder of its adapter."""


class Holder:
    """The engine of this process, once an evaluation has asked for it."""

    def __init__(self) -> None:
        self.engine: Changing | None = None
        self.over = False
        """Whether it is to end: nobody that comes from now on is answered."""
        self._counting = threading.Lock()
        self._waiting: Queue[tuple[Connection, Request] | None] = Queue()
        self._asking: set[int] = set()
        """Evaluations that wait or are served, by the descriptors that say when they are gone."""
        self._late: list[Connection] = []
        """Those that have to wait for its end: by then there is room, or another one."""
        self._busy: Connection | None = None
        """The evaluation that waits for an answer to what it has asked."""

    def meet(self, connection: Connection) -> None:
        """Sees to one that has connected, until it goes."""
        # A descriptor of its own: the other may be another connection's by then.
        watch = os.dup(connection.fileno())
        with suppress(EOFError, OSError):
            self._admit(connection, watch, connection.recv())
        _gone([watch], None)
        # Its stage was killed. The next one may be served already by the time that this is seen.
        if self._busy is connection:
            os._exit(1)
        with self._counting:
            self._asking.discard(watch)
        os.close(watch)

    def _admit(self, connection: Connection, watch: int, first: Request | int) -> None:
        with self._counting:
            if not self.over and isinstance(first, int):
                used = len(_gone(self._asking, 0)) < len(self._asking)
                if stays(connection, first, used=used):
                    return
                self.end()
            if self.over or isinstance(first, int):
                self._late.append(connection)
                return
            self._asking.add(watch)
            self._waiting.put((connection, first))

    def end(self) -> None:
        """Has this process end once whoever is served has gone."""
        self.over = True
        self._waiting.put(None)

    def work(self, idle: float) -> None:
        """Answers one evaluation after the other, until it is to end or nobody comes for long."""
        while not self.over:
            try:
                come = self._waiting.get(timeout=idle)
            except Empty:
                with self._counting:
                    self.over = self.over or not self._asking
                continue
            if come is not None:
                with come[0]:
                    self._serve(*come)

    def _serve(self, connection: Connection, request: Request) -> None:
        """Answers one evaluation, until it goes."""
        wanted, adapter = request
        with suppress(EOFError, ConnectionError):
            self._answer(connection, self._brought, wanted, adapter and Path(adapter))
            while True:
                self._answer(connection, self._generated, *connection.recv())

    def _answer(self, connection: Connection, work: Callable[..., Any], *arguments: Any) -> None:
        self._busy = connection
        try:
            result = self._tried(work, *arguments)
        finally:
            self._busy = None
        connection.send(result)

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
        try:
            return True, work(*arguments)
        except UserError as error:
            said = error.message, error.help
        except Exception as error:
            traceback.print_exc()
            _, log = workplace(Layout(root=Path.cwd()), LOG)
            help = f"its traceback is in {log}; what was finished is kept"
            said = f"{type(error).__name__}: {error}", help
        self.over = True
        return False, said


def _gone(descriptors: Collection[int], timeout: float | None) -> list[int]:
    """The connections of which the other side has gone, once there is one or the time is over."""
    watched = select.poll()
    for descriptor in descriptors:
        watched.register(descriptor, select.POLLRDHUP)
    return [descriptor for descriptor, _ in watched.poll(timeout)]


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
            holder = Holder()
            threading.Thread(target=_listen, args=(*found, holder), daemon=True).start()
            # Libraries want the first thread of a process.
            holder.work(idle)


def _listen(server: socket.socket, lifetime: int, holder: Holder) -> None:
    """Has a holder meet all that come, until the process of the run is gone."""
    watched: list[Any] = [server, lifetime]
    with suppress(OSError, ValueError):  # it is closed once the holder is to end
        while lifetime not in select.select(watched, [], [])[0]:
            accepted, _ = server.accept()
            connection = Connection(accepted.detach())
            threading.Thread(target=holder.meet, args=(connection,), daemon=True).start()
    holder.end()


if __name__ == "__main__":
    hold(Path(sys.argv[1]), int(sys.argv[2]))
    # Taking torch apart would take a second.
    os._exit(0)
