"""HumanEval, from its file: functions to complete from their signature and docstring."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from dataenvgym_spec.gym.tasks.sources.coding import Row, identity, problems, text
from dataenvgym_spec.gym.tasks.sources.rows import Listed
from dataenvgym_spec.records.items import Item


class HumanEval(Listed):
    """A finite source of problems, in one group."""

    def __init__(self, *, path: Path, teaches: Literal["function", "body"]) -> None:
        self.teaches = teaches
        self.items, self.skipped = problems(path, self._item)

    def _item(self, row: Row) -> Item:
        prompt, entry = text(row, "prompt"), text(row, "entry_point")
        solution = text(row, "canonical_solution")
        # Its tests may use what the prompt defines besides.
        verifier = {
            "entry": entry,
            "starter": prompt,
            "setup": prompt,
            "tests": [{"check": text(row, "test")}],
        }
        name = identity(prompt)
        return Item(
            id=name,
            input=prompt,
            target=solution if self.teaches == "body" else prompt + solution,
            group="humaneval",
            cluster=name,
            verifier=verifier,
            metadata={"entry": entry, "name": text(row, "task_id")},
        )
