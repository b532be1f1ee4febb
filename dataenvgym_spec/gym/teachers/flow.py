"""Makes many requests at once in the background, and hands their results on as they come."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from types import TracebackType
from typing import Any, TypeVar

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

    def start(self, work: Work[T]) -> Future[T]:
        """Begins some work."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def run(self, work: Work[T]) -> T:
        """Does some work and waits for it."""
        return self.start(work).result()


async def _ended() -> None:
    """Ends what is under way."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def flow(
    background: Background,
    works: Iterable[Work[T]],
    *,
    ahead: int,
    failed: Callable[[], Work[None]],
) -> Iterator[T]:
    """The results of some work, as they come.

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
    done: SimpleQueue[Future[T]] = SimpleQueue()
    under_way: set[Future[T]] = set()
    failure: BaseException | None = None
    source = iter(works)
    try:
        while True:
            while failure is None and len(under_way) < ahead:
                work = next(source, None)
                if work is None:
                    break
                future = background.start(work)
                under_way.add(future)
                future.add_done_callback(done.put)
            if not under_way:
                break
            future = done.get()
            under_way.discard(future)
            error = future.exception()
            if error is None:
                yield future.result()
            elif failure is None:
                failure = error
                background.run(failed())
    finally:
        for future in under_way:
            future.cancel()
    if failure is not None:
        raise failure
