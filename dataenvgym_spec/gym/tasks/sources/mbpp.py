"""MBPP, from its files: short functions from a sentence and some asserts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

from dataenvgym_spec.gym.tasks.sources.coding import Row, identity, problems, text, texts
from dataenvgym_spec.gym.tasks.sources.rows import Listed
from dataenvgym_spec.records.items import Item

Part = Literal["all", "prompt", "test", "validation", "train"]
PARTS: Final[dict[str, range]] = {
    "prompt": range(1, 11),
    "test": range(11, 511),
    "validation": range(511, 601),
    "train": range(601, 975),
}
"""The numbers of the tasks of each part, as its authors divide them (arXiv 2108.07732)."""


class Mbpp(Listed):
    """A finite source of problems, in one group."""

    def __init__(self, *, path: Path, tasks: Part, asserts: int, challenge: bool) -> None:
        self.part, self.shown, self.challenge = tasks, asserts, challenge
        self.items, self.skipped = problems(path, self._item)

    def _item(self, row: Row) -> Item | None:
        number = row["task_id"]
        if self.part != "all" and number not in PARTS[self.part]:
            return None
        asserts = texts(row, "test_list")
        if not asserts:
            raise ValueError("no test in column 'test_list'")
        tests: list[dict[str, Any]] = []
        for place, one in enumerate(asserts):
            tests.append({"assert": one, "public": True} if place < self.shown else {"assert": one})
        if self.challenge and "challenge_test_list" in row:
            tests += [{"assert": one} for one in texts(row, "challenge_test_list")]
        # The sanitized file calls it `prompt`.
        asked = text(row, "prompt" if "prompt" in row else "text")
        if self.shown:
            asked = "\n".join([asked, "These hold:", *asserts[: self.shown]])
        name = identity(asked)
        return Item(
            id=name,
            input=asked,
            target=text(row, "code"),
            group="mbpp",
            cluster=name,
            verifier={"setup": _setup(row), "tests": tests},
            metadata={"name": f"MBPP/{number}"},
        )


def _setup(row: Row) -> str:
    """What its tests need before them."""
    if "test_imports" in row:
        return "\n".join(texts(row, "test_imports"))
    return text(row, "test_setup_code", empty=True) if "test_setup_code" in row else ""
