"""A study on two machines of a Ray cluster that die at random, as does the process that drives it.

    python benchmarks/cluster.py --kills 50
    python benchmarks/cluster.py --kills 5 --seed 3

Two specs with three arms and three run seeds each, as one run of `dataenvgym run --on ray`. The
machines are namespaces of Linux with networks, processes and disks of their own (root is needed);
results move through a remote of DVC on an S3 server. A machine that was killed joins again with an
empty disk; a driver that was killed is started again. When the run has ended, `dvc status` has to
be clean, `dvc repro` has to do nothing, and keys and promised bytes are held against `dvc repro` of
the same specs in one process. Exits 1 otherwise.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.machines import Machine  # noqa: E402
from tests.support.rays import Cluster, Driver, cluster, outs, with_remote  # noqa: E402
from tests.support.remotes import s3  # noqa: E402
from tests.support.repositories import call, new_repo  # noqa: E402
from tests.support.specs import TINY  # noqa: E402

ARMS: Final = "  floor: {agent: {policy: {floor: 0.8}}}\nseeds: {run: [0, 1, 2]}\n"
SPECS: Final = {
    name: (
        TINY.replace("name: tiny", f"name: {name}")
        .replace("iterations: 2", "iterations: 1")
        .replace("learning_rate: 1e-3", f"learning_rate: {rate}")
        .replace("analysis:", f"{ARMS}analysis:")
    )
    for name, rate in (("slow", "1e-3"), ("fast", "2e-3"))
}
"""They share the base student and its evaluations."""
PAUSE: Final = (2.0, 14.0)
"""Seconds from a kill (a machine has joined again) to the next: a stage takes 5 to 15 there."""


def made(folder: Path) -> Path:
    """A repository with the specs, compiled."""
    repo = new_repo(folder, SPECS["slow"])
    for path in (repo / "specs").glob("*.yaml"):
        path.unlink()
    for name, text in SPECS.items():
        (repo / "specs" / f"{name}.yaml").write_text(text, encoding="utf-8")
    call("dataenvgym", "compile", cwd=repo)
    return repo


class Run:
    """The run, what drives it, and what was killed."""

    def __init__(self, repo: Path, ray: Cluster, log: Path) -> None:
        self.repo, self.ray, self.log = repo, ray, log
        self.killed: Counter[tuple[str, str]] = Counter()
        self.driver = self._start()

    def _start(self) -> Driver:
        address = ("--address", self.ray.address)
        return Driver(self.repo, self.log, *address, names=[*SPECS], retry=1000)

    def kill(self, victim: Machine | None) -> None:
        """Kills a machine, which joins again, or the driver, which is started again."""
        runs = self.driver.runs(victim.name if victim else "")
        kind = runs[0].rpartition("-")[0] if runs else "nothing"
        if victim is None:
            self.driver.process.kill()
            self.driver.process.wait()
            self.killed["driver", kind] += 1
            self.driver = self._start()
        else:
            victim.kill()
            self.killed["machine", kind] += 1
            self.ray.join(victim)


def disturbed(run: Run, machines: list[Machine], kills: int, draw: random.Random) -> None:
    """Kills at random so often, or until the run has ended, and waits for its end."""
    while run.driver.process.poll() is None and run.killed.total() < kills:
        time.sleep(draw.uniform(*PAUSE))
        if run.driver.process.poll() is None:
            run.kill(draw.choice([None, *machines]))
            print(f"{run.killed.total()} kills, {len(outs(run.repo))} stages", flush=True)
    run.driver.process.wait()


@contextmanager
def running(repo: Path, ray: Cluster, log: Path) -> Iterator[Run]:
    """A run, which does not outlive this process."""
    run = Run(repo, ray, log)
    try:
        yield run
    finally:
        run.driver.process.kill()
        run.driver.process.wait()


def faults_of(run: Run, kills: int, reference: Path) -> Iterator[str]:
    """What is wrong with a run that has ended."""
    if run.driver.process.returncode:
        yield run.driver.said()[-3000:]
    if run.killed.total() < kills:
        yield "the run ended before all kills: take a larger study, or shorter pauses"
    said = call("dvc", "status", cwd=run.repo).stdout
    if "up to date" not in said:
        yield f"dvc status: {said}"
    again = call("dvc", "repro", *SPECS, cwd=run.repo).stdout.count("Running stage")
    if again:
        yield f"dvc repro ran {again} stages again"
    call("dvc", "repro", *SPECS, cwd=reference, apart=True, OMP_NUM_THREADS="1", timeout=7200)
    found, expected = outs(run.repo), outs(reference)
    differ = [name for name in {*found, *expected} if found.get(name) != expected.get(name)]
    if differ:
        yield f"results of {len(differ)} stages differ: {', '.join(sorted(differ))}"


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as name, cluster() as (net, ray), s3(net.address) as server:
        machines = [net.machine("first"), net.machine("second")]
        repo = made(net.folder / "repo")
        with_remote(repo, server)
        for machine in machines:
            ray.join(machine)
        started = time.monotonic()
        with running(repo, ray, Path(name) / "driver.log") as run:
            disturbed(run, machines, arguments.kills, draw)
            print(f"{len(outs(repo))} stages in {time.monotonic() - started:.0f} s", flush=True)
            faults = list(faults_of(run, arguments.kills, made(Path(name) / "reference")))
    print("\n| killed | while it made | times |\n| --- | --- | --- |")
    for (what, kind), times in sorted(run.killed.items()):
        print(f"| {what} | {kind} | {times} |")
    print("\n" + ("\n".join(faults) or "keys and promised bytes are those of one process"))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
