"""Some of the examples of an iteration as a file for people, with how many there are in all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from dataenvgym_spec.core.foreign import markdown_text
from dataenvgym_spec.core.text import shortened
from dataenvgym_spec.records.examples import Example, Rejected
from dataenvgym_spec.results.drill import evenly
from dataenvgym_spec.results.run import Iteration
from dataenvgym_spec.results.stage import EXAMPLES
from dataenvgym_spec.track.naming import RULE
from dataenvgym_spec.track.runs import Artifact, text

SHOWN: Final = 20
"""Accepted examples of an iteration, and as many rejected ones."""
LONGEST: Final = 300
"""Characters of a text; `dataenvgym trace` shows all."""


def artifacts(turn: Iteration) -> Iterator[Artifact]:
    """Accepted and rejected examples, evenly taken from all rounds; nothing if there are none."""
    parts = [
        *_table(turn, "accepted", Example, ("id", "skill", "question", "answer")),
        *_table(turn, "rejected", Rejected, ("id", "skill", "question", "answer", "check", "why")),
    ]
    if parts:
        yield text("examples/some.md", "\n".join(parts))


def _table(turn: Iteration, port: str, kind: type[Example], head: tuple[str, ...]) -> Iterator[str]:
    amount = turn.amount("check", port)
    if not amount:
        return
    yield f"{min(amount, SHOWN)} of {amount} {port} examples; `dataenvgym trace ID` shows any.\n"
    yield _row(head)
    yield RULE * len(head) + "|"
    wanted = evenly(amount, min(amount, SHOWN))
    for check in turn.of("check"):
        for example in check.each(port, EXAMPLES, kind, wanted):
            cells = [example.id, example.skill, example.input, example.target]
            if isinstance(example, Rejected):
                cells += [example.check, example.reason]
            yield _row(cells)
    yield ""


def _row(cells: Iterable[str]) -> str:
    shown = [markdown_text(shortened(one, LONGEST)) for one in cells]
    return f"| {' | '.join(shown)} |"
