"""Makes many requests at once in the background, and hands their results on as they come.

The two threads meet seldom: what comes while results are worked on is taken together, up to a part
of what may be under way, and what may be begun then is begun together. Nothing is begun in the
place of a result before whoever took it comes for the next, so that a kill loses no more than may
be under way.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")
Work = Coroutine[Any, Any, T]

PART: Final = 8
"""Results are handed on together up to this part of what may be under way. What is taken together
is begun again together and comes back together: a burst of all would leave the service idle while
it is worked on, and would never come apart again."""


@dataclass(frozen=True, slots=True)
class Failed:
    """What came of work that failed."""

    error: Exception


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
        self._done: SimpleQueue[T | Failed] = SimpleQueue()

    def begin(self, works: Sequence[Work[T]]) -> None:
        """Begins some work."""
        self.count += len(works)
        self._loop.call_soon_threadsafe(self._begin, works)

    def taken(self, most: int) -> list[T | Failed]:
        """What is done: waits for one, and takes what else is there, so many at most."""
        results = [self._done.get()]
        with suppress(Empty):
            while len(results) < most:
                results.append(self._done.get_nowait())
        self.count -= len(results)
        return results

    def end(self) -> None:
        """Ends what is still under way."""
        self._loop.call_soon_threadsafe(self._end)

    # --- in the thread of the loop ----------------------------------------------------------------

    def _begin(self, works: Sequence[Work[T]]) -> None:
        for work in works:
            task = self._loop.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[T]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            error = task.exception()
            self._done.put(Failed(error) if isinstance(error, Exception) else task.result())

    def _end(self) -> None:
        for task in self._tasks:
            task.cancel()


def flow(
    background: Background,
    works: Iterable[Work[T]],
    *,
    at_once: int,
    failed: Callable[[], Work[None]],
) -> Iterator[list[T]]:
    """The results of some work as they come, several together where several are there.

    After a failure nothing more is taken from `works`, and what is under way is waited for: it may
    have been paid. It is handed on before the failure is raised.

    Args:
        background: where the work is done.
        works: what is done, taken in the thread of whoever looks at the results.
        at_once: how much is under way at most, or done and still in the hands of whoever took it.
        failed: what is done at the first failure.

    Raises:
        Exception: the first failure.
    """
    under_way = _UnderWay[T](background.loop)
    failure: Exception | None = None
    source = iter(works)
    try:
        while True:
            if failure is None and under_way.count < at_once:
                under_way.begin(list(islice(source, at_once - under_way.count)))
            if not under_way.count:
                break
            results: list[T] = []
            for result in under_way.taken(max(1, at_once // PART)):
                if not isinstance(result, Failed):
                    results.append(result)
                elif failure is None:
                    failure = result.error
                    background.run(failed())
            if results:
                yield results
    finally:
        under_way.end()
    if failure is not None:
        raise failure
