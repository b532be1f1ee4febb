"""How much memory a piece of work takes at most, by Python's own count."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable


def peak(work: Callable[[], object]) -> int:
    """Bytes that were held at once while something ran, less what was held before."""
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def each(work: Callable[[int], Callable[[], object]], few: int, many: int) -> float:
    """Bytes that one more of something takes.

    Args:
        work: what works on so many of them; what it does before it returns is not counted.
        few: of them.
        many: of them.
    """
    work(few)()  # what is imported and cached is not counted, either
    first, second = (peak(work(amount)) for amount in (few, many))
    return (second - first) / (many - few)
