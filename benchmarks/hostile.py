"""CPU time of `validate` for specs that are made to be much work, as multiples of the small spec's.

python benchmarks/hostile.py            # half a minute
python benchmarks/hostile.py --check    # also exits 1 if one takes more than MOST times as long

That the work is bounded is proved by tests/system/test_hostile.py, which counts it; seconds are
measured here.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.fuzz.heavy import HEAVY, files_of  # noqa: E402
from tests.fuzz.judge import Tally, judge  # noqa: E402
from tests.support.specs import TINY  # noqa: E402

MOST = 60
"""Times the small spec, which takes 0.03 s on an idle machine: two seconds."""


def seconds(text: str | bytes, folder: Path) -> float:
    """The least CPU time of three runs; the first one also imports."""
    times = []
    for _ in range(3):
        start = time.process_time()
        problem = judge(files_of(text), ("validate", "--json"), folder, Tally())
        times.append(time.process_time() - start)
        if problem:
            raise SystemExit(problem)
    return min(times)


def main() -> int:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="exit 1 if a bound is broken")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        os.chdir(folder)
        usual = seconds(TINY, folder)
        print(f"the small spec: {usual:.3f} s\n")
        print("| spec | CPU s | times the small spec |\n| --- | --- | --- |")
        slowest = 0.0
        for name, make in HEAVY.items():
            spent = seconds(make(), folder)
            slowest = max(slowest, spent)
            print(f"| {name} | {spent:.2f} | {spent / usual:.1f} |", flush=True)
        os.chdir(ROOT)
    return 1 if arguments.check and slowest > MOST * usual else 0


if __name__ == "__main__":
    sys.exit(main())
