"""What the stages of an iteration write when its gate said stop: the last student and state once more, and otherwise nothing.

No executor is imported for it: no scorer, no engine, no model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.records.files import read_json, write_json, write_rows
from dataenvgym_spec.store.atomic import link_tree
from dataenvgym_spec.store.layout import Layout


def stopped(layout: Layout, content: dict[str, Any]) -> bool:
    """Whether the gate that a stage reads, if it has one, said stop.

    Args:
        layout: the repository.
        content: the stage's `stage.json`.
    """
    gates = [
        layout.stage(content["reads"][key]) / "out" / port / "gate.json"
        for slot, key, port in content["inputs"]
        if slot == "gate"
    ]
    return any(path.is_file() and read_json(path)["stop"] for path in gates)


def pass_through(kind: str) -> Callable[[Context], None]:
    """What takes the executor's place in a stage that is stopped."""

    def function(context: Context) -> None:
        WRITERS[kind](context)
        context.record(passed=True)
        context.say("  passed through: the loop has stopped")

    return function


def _plan(context: Context) -> None:
    write_json(context.out("plan", "plan.json"), {"allocation": {}, "reasons": {}, "errors": {}})
    write_json(context.out("state", "state.json"), read_json(context.path("state", "state.json")))


def _generate(context: Context) -> None:
    write_rows(context.out("candidates", "examples.jsonl"), [])


def _check(context: Context) -> None:
    write_rows(context.out("accepted", "examples.jsonl"), [])
    write_json(context.out("yield", "yield.json"), {})
    write_rows(context.out("rejected", "examples.jsonl"), [])
    write_json(context.out("rejected", "tally.json"), {})


def _train(context: Context) -> None:
    (previous,) = context.ports("previous")
    link_tree(previous.path, context.out_folder / "student")


def _evaluate(context: Context) -> None:
    # Not the last student's answers again: a repeated result would look like a measured one.
    for port in context.params["splits"]:
        write_rows(context.out(port, "results.jsonl"), [])


WRITERS: Final[dict[str, Callable[[Context], None]]] = {
    "plan": _plan,
    "generate": _generate,
    "check": _check,
    "train": _train,
    "evaluate": _evaluate,
}
