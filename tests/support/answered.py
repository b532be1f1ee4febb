"""A compiled experiment whose students have answered: evaluations and choices stand in the store, and nothing has run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from dataenvgym_spec.core.machine import stamp
from dataenvgym_spec.graph.ir import Graph, Stage, Use
from dataenvgym_spec.records.evaluations import Choice, Result
from dataenvgym_spec.records.files import write_json, write_rows
from dataenvgym_spec.store.layout import Layout

Right = Callable[[int, Use, int], bool]
"""Whether an item is answered rightly, by its number, whose answer it is, and that one's iteration."""


def answer(graph: Graph, layout: Layout, right: Right, items: int) -> None:
    """Writes what evaluations and selections come to, where the stages of a graph keep it.

    Args:
        graph: the compiled graph.
        layout: the repository.
        right: which answers are right.
        items: how many each split has.
    """
    for stage in graph.stages:
        folder = layout.stage(stage.directory)
        use = stage.uses[0]
        if stage.kind == "evaluate":
            for port in stage.ports:
                rows = [row for turn in _turns(stage) for row in _rows(right, use, turn, items)]
                write_rows(_file(folder / "out" / port / "results.jsonl"), rows)
        elif stage.kind == "select":
            last = use.iterations
            choice = Choice(best=last, last=last, accuracy=(0.0,) * (last + 1))
            write_json(_file(folder / "out" / "choice" / "choice.json"), choice)
        else:
            continue
        log = {"started": 1000.0, "seconds": {"total": 1.0}, **stamp()}
        write_json(_file(folder / "log" / "run.json"), log)


def _file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _turns(stage: Stage) -> list[int | None]:
    """Whose answers an evaluation has: best and last are told apart by their iterations."""
    use = stage.uses[0]
    closing = use.iteration is None and use.copy is None and use.each is None
    return [use.iterations] if closing else [None]


def _rows(right: Right, use: Use, turn: int | None, items: int) -> Iterator[Result]:
    number = use.iteration if turn is None else turn
    for item in range(items):
        correct = right(item, use, number or 0)
        yield Result(
            id=f"{item:04x}", group="sum", input="1 + 1 =", target="2",
            prediction="2" if correct else "3", score=float(correct), correct=correct,
            unparseable=False, truncated=False, iteration=turn,
        )  # fmt: skip
