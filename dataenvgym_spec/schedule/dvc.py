"""Runs stages by plain DVC, by naming them.

`dvc repro NAME` finds the order by itself, and reads every `dvc.yaml` of the repository for it:
47 s at 15,000 stages. The compiler knows the order and `plan` knows what is done, so DVC is given
both (`--single-item`) and reads those files only.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from dataenvgym_spec.core.hashing import STEADY
from dataenvgym_spec.core.running import announced
from dataenvgym_spec.graph.ir import Entry
from dataenvgym_spec.schedule.order import carry_out
from dataenvgym_spec.schedule.protocol import RUNS, Finished, Standing, Work
from dataenvgym_spec.store.dvc import messages
from dataenvgym_spec.store.dvc.busy import release
from dataenvgym_spec.store.dvc.programs import environment
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.locks import die_with_parent

FIRST: Final = 8
GROWTH: Final = 8
MOST: Final = 4096


def reproduce(
    item: Entry, targets: Sequence[str], layout: Layout, *, pull: bool, variables: Mapping[str, str]
) -> int:
    """Has DVC make targets, up to the first that fails.

    Args:
        item: the experiment.
        targets: its stages as DVC names them, in topological order.
        layout: the repository.
        pull: whether DVC may fetch from its remote what was made elsewhere.
        variables: of the environment, that its stages get besides.

    Returns:
        DVC's exit code.
    """
    if not targets:  # DVC would take none for all
        return 0
    release(layout)
    runner = DvcRunner(layout, {**announced(item.name), **variables}, pull=pull)
    # For a pull DVC reads the whole repository, once a process.
    calls = [targets] if pull else list(batches(targets))
    return carry_out(_chain(calls), runner).code


def batches(targets: Sequence[str]) -> Iterator[Sequence[str]]:
    """Targets in calls that grow.

    DVC reads all files of a call (10 to 60 ms each) before it runs the first stage.

    >>> [len(batch) for batch in batches(["x"] * 100)]
    [8, 64, 28]
    """
    start, size = 0, FIRST
    while start < len(targets):
        yield targets[start : start + size]
        start, size = start + size, min(size * GROWTH, MOST)


def _chain(calls: Sequence[Sequence[str]]) -> list[Work]:
    """Works that come one after the other."""
    works: list[Work] = []
    for number, targets in enumerate(calls):
        before = frozenset(work.id for work in works[-1:])
        works.append(Work(id=str(number), targets=tuple(targets), after=before))
    return works


class DvcRunner:
    """Calls `dvc repro`, one process at a time, whose output is that of this process."""

    def __init__(self, layout: Layout, variables: Mapping[str, str], *, pull: bool) -> None:
        self.layout, self.variables = layout, variables
        self.options = ["--single-item", "--pull"] if pull else ["--single-item"]
        self.running: list[tuple[Work, subprocess.Popen[bytes]]] = []

    def fits(self, _work: Work) -> bool:
        """Whether nothing runs."""
        return not self.running

    def start(self, work: Work) -> Standing:
        """Starts DVC on the targets of a work."""
        # Without -P, Python would import a `dvc.py` of the repository in place of DVC.
        program = [sys.executable, "-P", "-m", messages.__name__]
        # A `dvc push` or `dvc pull` of somebody else in this clone is waited for.
        command = [*program, "--wait-for-lock", "repro", *self.options, *work.targets]
        parent = os.getpid()
        # A killed run takes its DVC with it: an orphan would go on through all targets, and hold
        # DVC's lock against the next run.
        process = subprocess.Popen(
            command,
            cwd=self.layout.root,
            env={**environment(), **self.variables, **STEADY},
            preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509
        )
        self.running.append((work, process))
        return RUNS

    def give_up(self, works: Sequence[Work]) -> None:
        """Nothing: what was not started is nowhere."""

    def news(self) -> Sequence[tuple[Work, Standing]]:
        """Nothing: what was started runs."""
        return ()

    def finished(self, timeout: float | None = None) -> Finished | None:
        """Waits for DVC."""
        work, process = self.running[0]
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        except BaseException:
            self.stop(now=True)
            process.wait()
            raise
        self.running.clear()
        return Finished(work=work, code=code)

    def stop(self, *, now: bool) -> None:
        """Ends DVC."""
        for _, process in self.running:
            process.send_signal(signal.SIGKILL if now else signal.SIGINT)
