"""What teaching has cost up to each student."""

from __future__ import annotations

from typing import Final

from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.results.ledger import Cost, Ledger
from dataenvgym_spec.results.run import Run
from dataenvgym_spec.results.stage import StageResult

SETUP: Final = frozenset(name for name, kind in KINDS.items() if kind.part == "setup")
"""The kinds of what is there before the teaching begins."""


def teaching_costs(run: Run, ledger: Ledger) -> dict[int, Cost]:
    """What it took to get to the student of each iteration; the base costs nothing.

    Counted is all that the training stages so far depend on: plans, generation, checks, training,
    and the evaluations that an agent observes. So an arm that observes nothing does not pay for
    feedback, and nobody pays for selection. What is there before the teaching begins costs nothing.
    Left out are iterations whose costs are not complete yet, and those that were passed through:
    they have no student of their own.
    """
    upstream: set[str] = set()
    costs = {0: Cost()}
    for turn in run.iterations[1 : 1 + run.reached]:
        trained = turn.of("train")
        for stage in trained:
            _add_upstream(stage, ledger, upstream)
        # In a fixed order, because the sum of floats depends on it.
        stages = [ledger.stages[key] for key in sorted(upstream)]
        # A kind that is not known here, as of a newer version, is no part of the setup.
        spent = [stage for stage in stages if stage.kind not in SETUP]
        if trained and all(stage.key in ledger.logs for stage in spent):
            costs[turn.number] = ledger.cost(spent)
    return costs


def _add_upstream(stage: StageResult, ledger: Ledger, upstream: set[str]) -> None:
    """Adds the keys of a stage and of all that it depends on."""
    waiting = [stage]
    while waiting:
        stage = waiting.pop()
        if stage.key in upstream:
            continue
        upstream.add(stage.key)
        for key in stage.inputs:
            other = ledger.stages.get(key)
            if other is not None and not _read_for_a_stop(stage, other):
                waiting.append(other)


def _read_for_a_stop(stage: StageResult, other: StageResult) -> bool:
    """Whether a stage reads another only in case the loop has stopped.

    This is a gate, and for a training the student before it.
    """
    return other.kind == "gate" or (stage.kind, other.kind) == ("train", "train")
