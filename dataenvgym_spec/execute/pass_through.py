"""What the stages of an iteration write when its gate said stop.

A port either repeats what stood before (the last student, the last state), as its kind declares, or
is empty. No executor is imported for it: no scorer, no engine, no model.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.records.files import write_json, write_rows
from dataenvgym_spec.records.plans import Plan
from dataenvgym_spec.store.atomic import link_tree

NO_PLAN: Final = Plan(allocation={}, reasons={}, errors={})


def pass_through(kind: str) -> Callable[[Context[Any]], None]:
    """What takes the executor's place in a stage that is stopped."""
    declared = KINDS[kind]

    def function(context: Context[Any]) -> None:
        for port in declared.ports(context.params):
            folder = context.out_folder / port
            if port in declared.repeats:
                (read_port,) = context.ports(declared.repeats[port])
                link_tree(read_port.path, folder)
            else:
                EMPTY[kind](folder)
        context.record(passed=True)
        context.say("  passed through: the loop has stopped")

    return function


def _no_plan(folder: Path) -> None:
    write_json(folder / "plan.json", NO_PLAN)


def _no_examples(folder: Path) -> None:
    write_rows(folder / "examples.jsonl", [])


def _no_verdicts(folder: Path) -> None:
    if folder.name == "yield":
        write_json(folder / "yield.json", {})
        return
    _no_examples(folder)
    if folder.name == "rejected":
        write_json(folder / "tally.json", {})


def _no_results(folder: Path) -> None:
    # Not the last student's answers again: a repeated result would look like a measured one.
    write_rows(folder / "results.jsonl", [])


EMPTY: Final[dict[str, Callable[[Path], None]]] = {
    "plan": _no_plan,
    "generate": _no_examples,
    "check": _no_verdicts,
    "evaluate": _no_results,
}
"""What a port of each kind holds when nothing was done."""
