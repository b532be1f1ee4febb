"""What the smallest difference that a design can find costs `dataenvgym plan`.

    python benchmarks/power.py [TIMES] [--check]

plans the shipped study so many times (15), in a clone in which nothing has run: in one process,
which has imported all that it needs. Printed are medians of processor time: of a whole plan, and
of the power estimates in it, beside a plan in a process of its own. With `--check` it exits 1
where the plan with its estimates takes more than 0.3 s, or where numpy or scipy was imported: the
estimates are pure Python.
"""

from __future__ import annotations

import argparse
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

from dataenvgym_spec.cli.common import load_project
from dataenvgym_spec.cli.plan import command as plan
from dataenvgym_spec.cli.power import power_lines
from dataenvgym_spec.questions.power import answered, expected, measured_noise

ROOT: Final = Path(__file__).resolve().parent.parent
SPEC: Final = "specs/library/study.yaml"
MOST: Final = 0.3
"""Seconds of processor time that a plan may take, estimates included; not the imports."""
HEAVY: Final = ("numpy", "scipy")


def alone(folder: Path) -> float:
    """Seconds of processor time of one plan in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    program = Path(sys.executable).parent / "dataenvgym"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [str(program), "plan", SPEC]
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def whole() -> float:
    """Seconds of processor time of one plan in this process, which is in the clone."""
    told = StringIO()
    clock = time.process_time()
    with redirect_stdout(told):
        plan.main([SPEC], standalone_mode=False)
    spent = time.process_time() - clock
    assert "smallest difference" in told.getvalue()
    return spent


def estimates() -> float:
    """Seconds of processor time of what a plan says of power, from its compiled graph to text."""
    project = load_project((SPEC,))
    graph, layout = project.compiled.graph, project.layout
    (entry,) = graph.entries
    clock = time.process_time()
    measured, answers = measured_noise(entry, layout), answered(entry, layout)
    lines = list(power_lines(expected(graph, entry, layout, measured, answers)))
    spent = time.process_time() - clock
    assert len(lines) > len(entry.index.contrasts) > 0
    return spent


def main(times: int, check: bool) -> int:
    """Measures, prints one line, and says whether the bound holds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "clone"
        subprocess.run(["git", "clone", "-q", ROOT, folder], check=True)
        own = min(alone(folder) for _ in range(4))
        os.chdir(folder)
        first = estimates()
        whole()
        plans, powers = [whole() for _ in range(times)], [estimates() for _ in range(times)]
        os.chdir(ROOT)
    found = [name for name in HEAVY if name in sys.modules]
    spent = median(plans)
    print(
        f"a plan of the study in a process that has imported it: {spent:.3f} s of processor time, "
        f"of at most {MOST} s; its power estimates: {1000 * median(powers):.1f} ms, the first time "
        f"{1000 * first:.1f} ms; a plan in a process of its own: {own:.2f} s"
    )
    for name in found:
        print(f"{name} was imported")
    return int(check and (spent > MOST or bool(found)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("times", type=int, nargs="?", default=15)
    parser.add_argument("--check", action="store_true", help="exit 1 if the bound is broken")
    options = parser.parse_args()
    sys.exit(main(options.times, options.check))
