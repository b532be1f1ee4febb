"""Makes many requests at once in the background, and hands their results on as they come.

The two threads meet as rarely as they can: what comes while results are worked on is taken
together, and what may be begun then is begun together.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from itertools import islice
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Work = Coroutine[Any, Any, T]


class Background:
    """An event loop in a thread of its own, so that requests go on while results are worked on."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self) -> Background:
        self.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.run(_ended())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def run(self, work: Work[T]) -> T:
        """Does some work and waits for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()


async def _ended() -> None:
    """Ends what is under way."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class _UnderWay(Generic[T]):
    """Work that is begun, and what of it is done and not yet taken.

    Attributes:
        count: how much is begun and not taken.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.count = 0
        self._loop = loop
        self._tasks: set[asyncio.Task[T]] = set()
        self._done: SimpleQueue[asyncio.Task[T]] = SimpleQueue()

    def begin(self, works: Sequence[Work[T]]) -> None:
        """Begins some work."""
        self.count += len(works)
        self._loop.call_soon_threadsafe(self._begin, works)

    def taken(self) -> list[asyncio.Task[T]]:
        """What is done: waits for one, and takes all."""
        tasks = [self._done.get()]
        while True:
            try:
                tasks.append(self._done.get_nowait())
            except Empty:
                self.count -= len(tasks)
                return tasks

    def end(self) -> None:
        """Ends what is still under way."""
        self._loop.call_soon_threadsafe(self._end)

    # --- in the thread of the loop ----------------------------------------------------------------

    def _begin(self, works: Sequence[Work[T]]) -> None:
        for work in works:
            task = self._loop.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[T]) -> None:
        self._tasks.discard(task)
        # An error that is looked at is not printed if nobody takes it.
        _error(task)
        self._done.put(task)

    def _end(self) -> None:
        for task in self._tasks:
            task.cancel()


def flow(
    background: Background,
    works: Iterable[Work[T]],
    *,
    ahead: int,
    failed: Callable[[], Work[None]],
) -> Iterator[list[T]]:
    """The results of some work as they come, those together that are there.

    After a failure nothing more is begun, and what is under way is waited for: it may have been
    paid. It is handed on before the failure is raised.

    Args:
        background: where the work is done.
        works: what is done, taken in the thread of whoever looks at the results.
        ahead: how much is under way at most, or done and not yet taken.
        failed: what is done at the first failure.

    Raises:
        Exception: the first failure.
    """
    under_way = _UnderWay[T](background.loop)
    failure: BaseException | None = None
    source = iter(works)
    try:
        while True:
            if failure is None and under_way.count < ahead:
                under_way.begin(list(islice(source, ahead - under_way.count)))
            if not under_way.count:
                break
            tasks = under_way.taken()
            results = [task.result() for task in tasks if _error(task) is None]
            if failure is None:
                failure = next(filter(None, map(_error, tasks)), None)
                if failure is not None:
                    background.run(failed())
            if results:
                yield results
    finally:
        under_way.end()
    if failure is not None:
        raise failure


def _error(task: asyncio.Task[Any]) -> BaseException | None:
    return asyncio.CancelledError() if task.cancelled() else task.exception()
