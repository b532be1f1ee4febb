"""What the smallest difference that a design can find costs `dataenvgym plan`.

    python benchmarks/power.py [TIMES] [--check]

plans the shipped study so many times (15), in a clone in which nothing has run, and again where
every student and copy has answered 300 items, which the estimates then go by: in one process, which
has imported all that it needs. Printed are medians of processor time: of a whole plan, and of the
power estimates in it, beside a plan in a process of its own. With `--check` it exits 1 where one of
the plans with its estimates takes more than 0.3 s, or where numpy or scipy was imported: the
estimates are pure Python.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from statistics import median
from typing import Final

from dataenvgym_spec.cli.common import load_project
from dataenvgym_spec.cli.plan import command as plan
from dataenvgym_spec.cli.power import power_lines
from dataenvgym_spec.graph.ir import Use
from dataenvgym_spec.questions.power import answered, expected, measured_noise, results_of
from tests.support.answered import answer
from tests.support.made_up import make_up

ROOT: Final = Path(__file__).resolve().parent.parent
SPEC: Final = "specs/library/study.yaml"
MOST: Final = 0.3
"""Seconds of processor time that a plan may take, estimates included; not the imports."""
HEAVY: Final = ("numpy", "scipy")
ITEMS: Final = 300


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
    results = results_of(graph, entry, layout)
    measured, answers = measured_noise(results), answered(results)
    lines = list(power_lines(expected(graph, entry, layout, measured, answers)))
    spent = time.process_time() - clock
    assert len(lines) > len(entry.index.contrasts) > 0
    return spent


def complete() -> None:
    """Has every student and copy answer, in the clone, and all stages be done."""
    project = load_project((SPEC,))
    answer(project.compiled.graph, project.layout, _right, ITEMS)
    make_up(project.layout.root, specs=(SPEC,))


def _right(item: int, use: Use, turn: int) -> bool:
    """Students differ in a quarter of the items, and no two runs are alike."""
    told = (item, use.arm, use.seed, turn, use.copy and use.copy.number)
    return random.Random(str(told)).random() < 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Seconds of processor time in one state of the clone.

    Attributes:
        plan: the median plan in this process.
        first: the first power estimates.
        power: the median ones.
        alone: the fastest plan in a process of its own.
    """

    plan: float
    first: float
    power: float
    alone: float

    @classmethod
    def measured(cls, times: int) -> Spent:
        """As it is in the working directory."""
        own = min(alone(Path()) for _ in range(4))
        first = estimates()
        whole()
        plans, powers = [whole() for _ in range(times)], [estimates() for _ in range(times)]
        return cls(plan=median(plans), first=first, power=median(powers), alone=own)

    def __str__(self) -> str:
        return (
            f"{self.plan:.3f} s of processor time, of at most {MOST} s; its power estimates: "
            f"{1000 * self.power:.1f} ms, the first time {1000 * self.first:.1f} ms; a plan in a "
            f"process of its own: {self.alone:.2f} s"
        )


def main(times: int, check: bool) -> int:
    """Measures, prints a line for each state, and says whether the bound holds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "clone"
        subprocess.run(["git", "clone", "-q", ROOT, folder], check=True)
        os.chdir(folder)
        fresh = Spent.measured(times)
        complete()
        done = Spent.measured(times)
        os.chdir(ROOT)
    print("a plan of the study in a process that has imported it, before anything has run:", fresh)
    print(f"the same with {ITEMS} answers of every student and copy:", done)
    found = [name for name in HEAVY if name in sys.modules]
    for name in found:
        print(f"{name} was imported")
    return int(check and (max(fresh.plan, done.plan) > MOST or bool(found)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("times", type=int, nargs="?", default=15)
    parser.add_argument("--check", action="store_true", help="exit 1 if the bound is broken")
    options = parser.parse_args()
    sys.exit(main(options.times, options.check))
