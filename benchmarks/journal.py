"""How fast the journal finds responses, and how fast it keeps them.

`python benchmarks/journal.py [ENTRIES]`: made-up responses of about 400 characters are kept by 64,
as they come while a teacher is asked; then all are looked up in random order, as a stage does that
runs again: 500 at a time, and one by one.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from measure import table

from dataenvgym_spec.core.hashing import digest
from dataenvgym_spec.records.responses import Response
from dataenvgym_spec.store.journal import BATCH, Journal

ENTRIES, TOGETHER, SINGLE = 100_000, 64, 10_000
LEAST = 20_000
"""Look-ups a second."""
REPLY = {
    "text": "How many apples are left? " * 12,
    "tokens": {"prompt": 120, "generated": 60},
    "finish": "stop",
    "model": "made-up",
    "tries": 1,
}


def responses(count: int) -> list[Response]:
    keys = [digest("benchmark", number) for number in range(count)]
    return [Response(key=key, stage="s" * 64, at=1.0, reply=REPLY) for key in keys]


def by(amount: int, values: Sequence[Response]) -> list[Sequence[Response]]:
    """Values in runs of an amount."""
    return [values[start : start + amount] for start in range(0, len(values), amount)]


def timed(work: Callable[[], int]) -> tuple[int, float, float]:
    """How many, seconds by the clock, and of the processor."""
    started, worked = time.perf_counter(), time.process_time()
    count = work()
    return count, time.perf_counter() - started, time.process_time() - worked


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES
    made = responses(count)
    keys = [one.key for one in made]
    random.Random(0).shuffle(keys)
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal.sqlite")
        works: dict[str, Callable[[], int]] = {
            f"kept by {TOGETHER}": lambda: sum(map(journal.keep, by(TOGETHER, made))),
            f"found, {BATCH} at a time": lambda: len(journal.find(keys)),
            "found one by one": lambda: sum(len(journal.find([key])) for key in keys[:SINGLE]),
            "known": lambda: len(journal.known(keys)),
        }
        rows = []
        for name, work in works.items():
            done, wall, cpu = timed(work)
            least = f"{LEAST:,}" if "500" in name else ""
            rows.append([name, f"{done:,}", f"{done / wall:,.0f}", least, f"{done / cpu:,.0f}"])
        journal.close()
    table(["what", "responses", "a second", "at least", "a CPU second"], rows)


if __name__ == "__main__":
    main()
