"""What it costs to ask whether a Ray cluster has room for one more work.

Prints Markdown; see README.md for recorded figures.

python benchmarks/room.py             # about a second
python benchmarks/room.py --check     # also exits 1 if a bound is broken

A run asks it for each work that it starts, beside all that run, of all machines. No Ray is needed.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from measure import Bounds, table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dataenvgym_spec.schedule.protocol import Needs
from dataenvgym_spec.schedule.ray.cluster import Machine
from dataenvgym_spec.schedule.ray.room import ClusterRoom

SIZES = ((100, 100), (100, 1_000), (1_000, 4_000))
"""Works that run, and machines."""
KINDS = [Needs(cpus=1 + one, gpus=one % 2, memory=one * 2**30) for one in range(10)]
"""What works need: as many kinds as stages of a few models have."""
TIMES = 5_000
MOST = 1.0
"""CPU milliseconds for which the largest may be asked."""


def asked(works: int, count: int) -> float:
    """CPU milliseconds for which room is asked for once.

    Args:
        works: that run.
        count: machines.
    """
    rooms = [Needs(cpus=16, gpus=number % 4, memory=2**36) for number in range(count)]
    machines = [Machine(id=str(one), name=str(one), room=at) for one, at in enumerate(rooms)]
    room = ClusterRoom()
    for number in range(works):
        room.begun(KINDS[number % len(KINDS)])
    before = time.process_time()
    for number in range(TIMES):
        room.has(KINDS[number % len(KINDS)], machines, but=KINDS[0])
    return 1e3 * (time.process_time() - before) / TIMES


def main() -> None:
    """All sizes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    bounds = Bounds()
    each = [asked(works, count) for works, count in SIZES]
    rows = [
        [f"{works:,}", f"{count:,}", f"{one:.3f}"]
        for (works, count), one in zip(SIZES, each, strict=True)
    ]
    table(("works that run", "machines", "CPU ms each time"), rows)
    bounds.at_most("room on the largest cluster", each[-1], MOST, "ms")
    if not bounds.table() and given.check:
        sys.exit(1)


if __name__ == "__main__":
    main()
