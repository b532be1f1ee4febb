"""What is to be run of an experiment, and when: readiness of works and slots for them.

How a work is run is a `Runner`'s business.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from dataenvgym_spec.emit.entry import target
from dataenvgym_spec.emit.stages import address
from dataenvgym_spec.graph.ir import Entry
from dataenvgym_spec.questions.plan import PlannedStage
from dataenvgym_spec.schedule.protocol import Runner, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """What is to be done of an experiment.

    Attributes:
        targets: the stages as DVC names them, in topological order.
        done: how many stages are done already.
    """

    targets: tuple[str, ...]
    done: int


def open_targets(item: Entry, steps: Sequence[PlannedStage]) -> Open:
    """What is to be done of an experiment whose plan has these steps."""
    targets = []
    for step in steps:
        if step.action != "reuse":
            targets.append(address(step.directory) if step.directory else target(item))
    return Open(targets=tuple(targets), done=len(steps) - len(targets))


def carry_out(works: Sequence[Work], runner: Runner) -> int:
    """Has works done, each as soon as those before it are done and a slot is free.

    Once a work has failed no other is started; those that are running are waited for.

    Args:
        works: in topological order.
        runner: who does them.

    Returns:
        0 if all are done, else the exit code of the first that failed.

    Raises:
        ValueError: some works wait for each other, or for one that is not among them.
    """
    waiting, done = list(works), set[str]()
    running = failure = 0
    while True:
        free = 0 if failure else runner.slots - running
        for work in _startable(waiting, done, free):
            waiting.remove(work)
            runner.start(work)
            running += 1
        if not running:
            break
        ended = runner.finished()
        running -= 1
        if ended.code:
            failure = failure or ended.code
        else:
            done.add(ended.work.id)
    if waiting and not failure:
        names = ", ".join(work.id for work in waiting)
        raise ValueError(f"these works can never start: {names}")
    return failure


def _startable(waiting: Sequence[Work], done: Collection[str], slots: int) -> list[Work]:
    """The first works that wait for nothing, as many as there are slots."""
    ready = [work for work in waiting if work.after.issubset(done)]
    return ready[:slots]
