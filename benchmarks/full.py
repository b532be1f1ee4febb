"""A disk that fills up at random moments, until an experiment ends.

    python benchmarks/full.py --times 50

The experiment of `kills.py` lies with all that it writes (results, DVC's cache and state, journal,
MLflow's database, temporary files) on a disk in memory. Its size is set so that a random amount is
free, from a block to some megabytes; the run fails where that is used up, and is taken up again
with another amount. In the end results and the journal are held against an undisturbed run, and
what the service was asked against what the journal can have lost. Exits 1 if anything was lost or
changed, or if a run did not say why it failed. Mounting a disk needs root.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kills import WRITER, Bench, port_of_its_own

LEAST, MOST = 4 << 10, 4 << 20
"""Bytes that are free when a run begins, at least and at most; the logarithm is drawn."""
ALL: Final = 2 << 30
# The last two are the words of plain DVC: its database cannot grow, or a result got no place.
SAID: Final = re.compile(
    r"(?i)no space left|disk is full|disk I/O error|No possible cache link types"
)
RAISED: Final = "Traceback (most recent call last)"


STANDS: Final = 300
"""Seconds after which plain DVC, which tries a full database again for ever, is killed."""
IN_FLIGHT: Final = int(str(WRITER["concurrency"]))
"""Requests side by side: so many may be answered and find no room when a disk is full."""


class Small(Bench):
    """A bench on a disk whose size is set."""

    stood = 0

    @property
    def said(self) -> Path:
        """What its last run has said, on another disk."""
        return self.folder.parent.with_suffix(".txt")

    def environ(self) -> dict[str, str]:
        """Of a run: all that it writes is on the disk."""
        site, temporary = self.folder / "site", self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        return super().environ() | {"DVC_SITE_CACHE_DIR": str(site), "TMPDIR": str(temporary)}

    def resize(self, free: int) -> None:
        """Sets how many bytes are free on the disk."""
        stat = os.statvfs(self.folder.parent)
        used = (stat.f_blocks - stat.f_bfree) * stat.f_frsize
        size = f"remount,size={used + free}"
        subprocess.run(["mount", "-o", size, str(self.folder.parent)], check=True)


@contextmanager
def disk(folder: Path) -> Iterator[None]:
    """A disk in memory at a folder."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ALL}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def ended(bench: Small, program: str) -> int | None:
    """The exit code of a run; None of a plain DVC that stood still and was killed."""
    run = bench.run(program)
    try:
        return run.wait(STANDS if program == "dvc" else None)
    except subprocess.TimeoutExpired:
        run.kill()
        run.wait()
        bench.stood += 1
        return None


def filled(bench: Small, draw: random.Random, times: int) -> Iterator[str]:
    """One experiment to its end, on a disk that fills up so often at most; what was wrong."""
    failed = 0
    while True:
        low, high = LEAST.bit_length(), MOST.bit_length()
        bench.resize(ALL if failed >= times else int(2 ** draw.uniform(low, high)))
        bench.revive()
        bench.said.write_bytes(b"")
        code = ended(bench, draw.choice(("dvc", "dataenvgym")))
        bench.resize(ALL)
        if code == 0:
            return
        failed += 1
        bench.killed["disk", "full", ""] += 1
        if code is None:
            continue
        words = bench.said.read_text(encoding="utf-8", errors="replace")
        if RAISED in words:
            yield f"a traceback:\n{words[-3000:]}"
        elif not SAID.search(words):
            yield f"no word of the disk:\n{words[-1500:]}"


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    draw, faults = random.Random(arguments.seed), []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, disk(Path(name)):
        port = port_of_its_own()
        still = Small(Path(name) / "still", port)
        still.make()
        with still.service():
            if still.run().wait():
                sys.exit(still.said.read_text()[-3000:])
        expected, kept = still.results(), still.kept()
        bench = Small(Path(name) / "small", port)
        runs = twice = 0
        while bench.killed.total() < arguments.times:
            bench.make()
            before = bench.killed.total()
            with bench.service():
                left = arguments.times - before
                faults += list(filled(bench, draw, left))
            runs += 1
            if bench.results() != expected:
                faults.append(f"run {runs}: results differ")
            if bench.kept() != kept:
                faults.append(f"run {runs}: the journal differs")
            answers = Counter(one.question for one in bench.answers())
            again = answers.total() - len(answers)
            twice += again
            if again > IN_FLIGHT * (bench.killed.total() - before):
                faults.append(f"run {runs}: {again} answers were asked for twice")
            print(f"run {runs}: full {bench.killed.total()} times", *faults, sep="\n", flush=True)
    print(
        f"\nfull {bench.killed.total()} times in {runs} runs; {twice} answers were asked for again"
    )
    print(f"plain DVC stood still and was killed {bench.stood} times")
    print("\n".join(faults) or "no key, byte or paid answer was lost or changed")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
