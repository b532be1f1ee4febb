"""What the smallest difference that a design can find costs `dataenvgym plan`.

    python benchmarks/power.py [TIMES]

plans the shipped study and the same spec without its `analysis`, in turn, so many times (15), in a
clone in which nothing has run: in one process, which has imported all that it needs. Printed are
medians of processor time, and the difference as a share of a plan in a process of its own.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from statistics import median
from typing import Final

from dataenvgym_spec.cli.plan import command as plan

ROOT: Final = Path(__file__).resolve().parent.parent
SPEC: Final = "specs/library/study.yaml"
BARE: Final = "specs/library/bare.yaml"


def alone(spec: str, folder: Path) -> float:
    """Seconds of processor time of one plan in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    program = Path(sys.executable).parent / "dataenvgym"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [str(program), "plan", spec]
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def here(spec: str, *, wanted: bool) -> float:
    """Seconds of processor time of one plan in this process, which is in the clone."""
    told = StringIO()
    clock = time.process_time()
    with redirect_stdout(told):
        plan.main([spec], standalone_mode=False)
    spent = time.process_time() - clock
    assert ("smallest difference" in told.getvalue()) == wanted
    return spent


def main(times: int) -> None:
    """Measures, and prints one line."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "clone"
        subprocess.run(["git", "clone", "-q", ROOT, folder], check=True)
        study = (folder / SPEC).read_text(encoding="utf-8")
        bare = study.partition("\nanalysis:")[0] + "\nanalysis: null\n"
        (folder / BARE).write_text(bare, encoding="utf-8")
        whole = min(alone(SPEC, folder) for _ in range(4))
        os.chdir(folder)
        here(SPEC, wanted=True)
        pairs = [(here(SPEC, wanted=True), here(BARE, wanted=False)) for _ in range(times)]
        os.chdir(ROOT)
    both = [median(column) for column in zip(*pairs, strict=True)]
    added = median(one - other for one, other in pairs)
    print(
        f"a plan of the study: {whole:.2f} s of processor time; in a process that has imported it "
        f"{both[0]:.3f} s, without contrasts {both[1]:.3f} s: the power estimate is "
        f"{1000 * added:.0f} ms, {100 * added / whole:.1f} % of a plan"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 15)
