"""How the scheduler grows, and what it costs a stage.

Prints Markdown; see README.md for recorded figures.

python benchmarks/schedule.py             # about twenty minutes
python benchmarks/schedule.py --check     # also exits 1 if a bound is broken
python benchmarks/schedule.py --part sweep    # one of the parts alone
python benchmarks/schedule.py --small     # a tenth of every size, to try the benchmark out

Three parts. Works of made-up studies on a made-up cluster with a clock of its own, some of which
fail and some of whose workers are lost: the order is the scheduler's own. And a sweep that is
compiled, planned and queued as `dataenvgym run --jobs` does it, with executors that do nothing;
the commands `plan` and `status` of it; and the same run taken up again when half of its stages are
done. And sweeps that `dataenvgym run --jobs` runs to their end, with processes, locks and DVC, of
which only the executors are stubs, beside `dvc repro` of the same.

Each size runs in a process of its own. Times are CPU seconds, which other work on the machine
disturbs least.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

from measure import Bounds, measured, table
from repositories import new_repo, sweep

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dataenvgym_spec.schedule.observer import Observer  # noqa: E402
from dataenvgym_spec.schedule.order import carry_out  # noqa: E402
from dataenvgym_spec.schedule.protocol import RUNS, Finished, Standing, Work  # noqa: E402
from tests.support import stubs  # noqa: E402
from tests.support.made_up import make_up  # noqa: E402
from tests.support.simulated import Cluster, studies  # noqa: E402

WORKERS, EACH, WITH_GPU = 1000, 100, 0.9
"""At most so many workers, one for so many works: few works would leave most of them idle. And the
share of them with a GPU."""
FAILING, LOST, RETRIES = 0.0002, 0.01, 5
GROWTH = 2.0
"""How many times as much a work of a million may cost as one of a hundredth: what a heap and
a processor's caches take grows with the logarithm. How many steps the scheduler takes for it does
not grow, which tests/schedule/test_simulation.py counts."""
POINTS, ITERATIONS = 1000, 2
RUN, RUN_SMALL = (4, 16), (1, 2)
"""Experiments of the sweeps that are run to their end."""
JOBS = 8
EACH_STEP = 2.0
"""How many times as much of its processor the driver may take for a step of four times as many."""
OWN = 20.0
"""CPU milliseconds of the driver for a step, its start among them."""
DONE = 0.5
"""The part of the stages that is done when the sweep is taken up again."""
LONGEST = {"plan, nothing done": 30, "status": 20, "plan, half done": 40}
"""CPU seconds that commands may take for a sweep of 1,000."""
RESTART = 40
"""CPU seconds of compiling, planning and queueing what is half done: each result is looked at."""


def simulate(count: int, *, observed: bool) -> dict[str, Any]:
    """Some works on a thousand workers, with or without what tells of a run while it goes on."""
    works = studies(count)
    workers = min(WORKERS, count // EACH)
    cluster = Cluster(workers=workers, gpus=int(workers * WITH_GPU), failing=FAILING, lost=LOST)
    with ExitStack() as stack:
        observer = stack.enter_context(onlooking(works, cluster)) if observed else None
        before = time.process_time()
        outcome = carry_out(works, cluster, observer=observer, keep_going=True, retries=RETRIES)
        seconds = time.process_time() - before
    assert outcome.done + outcome.skipped + len(outcome.failed) == count
    return {
        "seconds": seconds,
        "workers": workers,
        "done": outcome.done,
        "failed": len(outcome.failed),
        "skipped": outcome.skipped,
        "utilisation": cluster.bound / cluster.clock,
    }


@contextmanager
def onlooking(works: Sequence[Work], cluster: Cluster) -> Iterator[Observer]:
    """What a run has that is no terminal: a line for each start and end, its state in a file."""
    from dataenvgym_spec.cli.onlooker import Onlooker
    from dataenvgym_spec.schedule.progress import Progress
    from dataenvgym_spec.store.layout import Layout

    progress = Progress(
        ("made-up",),
        cluster.workers,
        lambda work: work.id,
        lambda _work, _seconds, *, last: 0.0,
        lambda: cluster.clock,
    )
    progress.add(works, 0)
    with (
        tempfile.TemporaryDirectory() as folder,
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        redirect_stdout(nowhere),
        Onlooker(progress, Layout(root=Path(folder))) as observer,
    ):
        yield observer


class Nothing:
    """Executors that do nothing, a few at once."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.running: list[Work] = []

    def fits(self, _work: Work) -> bool:
        """Whether there is a slot."""
        return len(self.running) < self.slots

    def start(self, work: Work) -> Standing:
        """Starts nothing."""
        self.running.append(work)
        return RUNS

    def give_up(self, works: Sequence[Work]) -> None:
        """Nothing was begun of them."""

    def news(self) -> tuple[()]:
        """There is nothing to tell."""
        return ()

    def finished(self, _timeout: float | None = None) -> Finished | None:
        """The oldest has ended."""
        return Finished(work=self.running.pop(0), code=0) if self.running else None

    def stop(self, *, now: bool) -> None:
        """There is nothing to end."""


def schedule_sweep(repo: Path) -> dict[str, Any]:
    """Compiles, plans and carries out a sweep in memory; its state is written as in a run."""
    os.chdir(repo)
    from dataenvgym_spec.cli.common import load_project
    from dataenvgym_spec.cli.onlooker import Onlooker
    from dataenvgym_spec.cli.pulling import Pulling
    from dataenvgym_spec.cli.queued import Rounds
    from dataenvgym_spec.schedule.needs import Spread
    from dataenvgym_spec.schedule.progress import Progress

    clocks = {"start": time.process_time()}
    project = load_project(("sweep",))
    clocks["compile"] = time.process_time()
    rounds = Rounds(
        project=project,
        spread=Spread(),
        gpus=0,
        variables={},
        pulling=Pulling(False),
        ignore_limits=False,
    )
    todo = rounds.next(project.compiled.graph.entries)
    clocks["plan and queue"] = time.process_time()
    memory = _megabytes()
    progress = Progress(("sweep",), 64, lambda work: work.id, lambda _work, _seconds, *, last: 0.0)
    progress.add(todo.works, todo.done)
    with redirect_stdout(StringIO()), Onlooker(progress, project.layout) as observer:
        outcome = carry_out(todo.works, Nothing(64), observer=observer)
    clocks["carry out"] = time.process_time()
    names = list(clocks)
    spent = {name: clocks[name] - clocks[last] for last, name in pairwise(names)}
    return {
        "seconds": spent,
        "experiments": len(project.compiled.graph.entries),
        "steps": outcome.done,
        "before": todo.done,
        "grown": _megabytes() - memory,
    }


def _megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


DRIVEN = """\
import atexit, json, resource, sys
def told():
    own = resource.getrusage(resource.RUSAGE_SELF)
    others = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = [one.ru_utime + one.ru_stime for one in (own, others)]
    with open("driver.json", "w") as file:
        json.dump({"own": cpu[0], "others": cpu[1], "megabytes": own.ru_maxrss / 1000}, file)
atexit.register(told)
"""
"""What says of a driver, at its end, which part of its CPU seconds is its own."""


def run_to_its_end(points: int) -> dict[str, Any]:
    """A sweep under `run --jobs` and, in another repository, under plain DVC, both with stubs."""
    steps = 0
    found: dict[str, Any] = {}
    for way in ("run", "repro"):
        with tempfile.TemporaryDirectory() as folder:
            repo = stubs.installed(new_repo(Path(folder) / "repo", sweep=_sweep(points)))
            measured("dataenvgym", "compile", cwd=repo)
            if way == "repro":
                path = stubs.stub_path(repo)["PATH"]
                found["repro"] = measured("dvc", "repro", "-q", cwd=repo, PATH=path)
            else:
                arguments = ("run", "sweep", "--jobs", str(JOBS))
                code = DRIVEN + stubs.DRIVER
                at = str(repo.parent / "bin")
                found["run"] = measured(
                    sys.executable, "-c", code, at, *arguments, cwd=repo, PYTHONPATH=str(ROOT)
                )
                found["driver"] = json.loads((repo / "driver.json").read_text(encoding="utf-8"))
            ran = stubs.ran(repo)
            stages = [line.split()[-1] for line in ran if not line.endswith("report")]
            assert len(stages) == len(set(stages)), "nothing is executed twice"
            assert steps in (0, len(ran)), "both execute the same"
            steps = len(ran)
    return {**found, "steps": steps}


def _sweep(points: int) -> dict[str, Any]:
    spec = sweep("sweep", points)
    spec["loop"] |= {"iterations": ITERATIONS}
    return spec


def to_its_end(bounds: Bounds, sizes: tuple[int, ...]) -> None:
    """Sweeps of two sizes that are run, not only queued."""
    rows, each = [], []
    for points in sizes:
        found = run_to_its_end(points)
        steps, driver, repro = found["steps"], found["driver"], found["repro"]
        each.append(1e3 * driver["own"] / steps)
        rows.append(
            [
                f"{points:,}",
                f"{steps:,}",
                f"{each[-1]:.0f}",
                f"{1e3 * driver['others'] / steps:.0f}",
                f"{found['run'].wall:.0f}",
                f"{driver['megabytes']:.0f}",
                f"{1e3 * repro.cpu / steps:.0f}",
                f"{repro.wall:.0f}",
            ]
        )
    heads = (
        "experiments",
        "steps",
        "driver, CPU ms a step",
        "what it starts, CPU ms a step",
        "wall s",
        "MB of the driver",
        "`dvc repro`, CPU ms a step",
        "wall s",
    )
    print(f"## Sweeps run to their end by `run --jobs {JOBS}`, with stub executors\n")
    table(heads, rows)
    name = f"a step of {sizes[-1]} experiments against {sizes[0]}, of the driver"
    bounds.at_most(name, each[-1] / each[0], EACH_STEP, "times")
    bounds.at_most(f"a step of {sizes[-1]} experiments, of the driver", each[-1], OWN, "ms")


def apart(*arguments: str, cwd: Path = ROOT) -> tuple[dict[str, Any], float]:
    """A part of this file in a process of its own: what it found, and its megabytes."""
    usage = measured(sys.executable, __file__, *arguments, cwd=cwd)
    return json.loads(usage.out.splitlines()[-1]), usage.megabytes


def grow(bounds: Bounds, sizes: tuple[int, ...]) -> None:
    """The same cluster with more and more works."""
    rows, each, seen = [], [], []
    for size in sizes:
        found, megabytes = apart("--simulate", str(size))
        each.append(1e6 * found["seconds"] / size)
        seen.append(1e6 * apart("--simulate", str(size), "--observed")[0]["seconds"] / size)
        rows.append(
            [
                f"{size:,}",
                f"{found['workers']:,}",
                f"{each[-1]:.1f}",
                f"{seen[-1]:.1f}",
                f"{megabytes:.0f}",
                f"{100 * found['utilisation']:.1f} %",
                f"{found['failed']}, {found['skipped']}",
            ]
        )
    heads = (
        "works",
        "workers",
        "microseconds each",
        "with its screen as lines",
        "MB",
        "of the bound",
        "failed, not started for it",
    )
    print("## Works on a cluster with a clock of its own\n")
    table(heads, rows)
    name = f"{sizes[-1]:,} works against {sizes[0]:,}, each"
    bounds.at_most(name, each[-1] / each[0], GROWTH, "times")
    bounds.at_most(f"{name}, with an onlooker", seen[-1] / seen[0], GROWTH, "times")
    bounds.at_most(
        "the bound of the last, against its time", 1 / found["utilisation"], 1.05, "times"
    )


def of_a_sweep(bounds: Bounds, points: int) -> None:
    """A sweep as a run has it."""
    with tempfile.TemporaryDirectory() as folder:
        repo = new_repo(Path(folder) / "repo", sweep=_sweep(points))
        found, megabytes = apart("--sweep", str(repo))
        commands = {
            "compile": measured("dataenvgym", "compile", cwd=repo),
            "compile, nothing changed": measured("dataenvgym", "compile", cwd=repo),
            "plan, nothing done": measured("dataenvgym", "plan", "sweep", cwd=repo),
            "status": measured("dataenvgym", "status", cwd=repo),
        }
        apart("--half", str(repo))
        commands["plan, half done"] = measured("dataenvgym", "plan", "sweep", cwd=repo)
        again, _ = apart("--sweep", str(repo))
    steps, seconds = found["steps"], found["seconds"]
    print(f"## A sweep of {found['experiments']:,} experiments, {steps:,} steps after sharing\n")
    rows = [[name, f"{spent:.1f}", f"{1e3 * spent / steps:.2f}"] for name, spent in seconds.items()]
    table(("part", "CPU s", "ms a step"), rows)
    print(f"Taken up again with {again['before']:,} of them done, {again['steps']:,} to do:\n")
    rows = [[name, f"{spent:.1f}"] for name, spent in again["seconds"].items()]
    table(("part", "CPU s"), rows)
    rows = [
        [name, f"{usage.cpu:.1f}", f"{usage.wall:.0f}", f"{usage.megabytes:.0f}"]
        for name, usage in commands.items()
    ]
    table(("command", "CPU s", "wall s", "MB"), rows)
    grown = f"{found['grown']:.0f} MB more after the last step than before it"
    print(f"{megabytes:.0f} MB in all; {grown}\n")
    whole = sum(seconds.values())
    bounds.at_most("a step of the sweep", 1e3 * whole / steps, 20, "ms")
    bounds.at_most("plan and queue of the sweep", seconds["plan and queue"], 30, "s")
    restart = again["seconds"]["compile"] + again["seconds"]["plan and queue"]
    bounds.at_most("taken up again, half done", restart, RESTART, "s")
    for name, longest in LONGEST.items():
        bounds.at_most(f"{name}, of the sweep", commands[name].cpu, longest, "s")
    bounds.at_most("memory that its steps add", found["grown"], 100, "MB")


def main() -> None:
    """All parts, or one of their sizes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--part", choices=("works", "sweep", "run"))
    parser.add_argument("--simulate", type=int)
    parser.add_argument("--observed", action="store_true")
    parser.add_argument("--sweep", type=Path)
    parser.add_argument("--half", type=Path)
    given = parser.parse_args()
    if given.simulate:
        print(json.dumps(simulate(given.simulate, observed=given.observed)))
        return
    if given.sweep:
        print(json.dumps(schedule_sweep(given.sweep)))
        return
    if given.half:
        print(json.dumps({"made": make_up(given.half, DONE)}))
        return
    smaller = 10 if given.small else 1
    bounds = Bounds()
    if given.part in (None, "works"):
        grow(bounds, tuple(size // smaller for size in (10_000, 100_000, 1_000_000)))
    if given.part in (None, "sweep"):
        of_a_sweep(bounds, POINTS // smaller)
    if given.part in (None, "run"):
        to_its_end(bounds, RUN_SMALL if given.small else RUN)
    if not bounds.table() and given.check:
        sys.exit(1)


if __name__ == "__main__":
    main()
