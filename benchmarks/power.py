"""What the smallest difference that a design can find costs `dataenvgym plan`.

    python benchmarks/power.py [TIMES]

plans the shipped study and the same spec without its `analysis`, in turn and each in a process of
its own, so many times (9), in a clone in which nothing has run. Printed are medians of processor
time, and the share of it that goes when no contrast is declared.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SPEC: Final = "specs/library/study.yaml"
BARE: Final = "specs/library/bare.yaml"


def spent(spec: str, folder: Path) -> float:
    """Seconds of processor time of one plan."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    program = Path(sys.executable).parent / "dataenvgym"
    subprocess.run(
        [program, "plan", spec],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def main(times: int) -> None:
    """Measures, and prints one line."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "clone"
        subprocess.run(["git", "clone", "-q", ROOT, folder], check=True)
        study = (folder / SPEC).read_text(encoding="utf-8")
        bare = study.partition("\nanalysis:")[0] + "\nanalysis: null\n"
        (folder / BARE).write_text(bare, encoding="utf-8")
        spent(SPEC, folder)  # bytecode
        pairs = [(spent(SPEC, folder), spent(BARE, folder)) for _ in range(times)]
    with_it, without = (median(times) for times in zip(*pairs, strict=True))
    share = median((whole - rest) / whole for whole, rest in pairs)
    print(
        f"plan of the study: {with_it:.3f} s of processor time, without contrasts {without:.3f} s; "
        f"the power estimate is {100 * share:.0f} % of it"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 9)
