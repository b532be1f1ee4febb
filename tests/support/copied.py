"""A finished experiment on disk with copies of one student for the noise floor; nothing is trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dataenvgym_spec.records.files import write_json
from tests.support.reported import Store

COPIES = {"arm": "with-state", "seed": 0, "iteration": 3, "split": "selection"}
MOVED = {"reevaluate": (0, 0), "retrain": (3, -3)}
"""By how many answers the score of each copy differs from that of its student, which has 24 of 30 right."""


class Copied(Store):
    """A store with copies of one student."""

    def __init__(self, root: Path, moved: dict[str, tuple[int, ...]], **more: Any) -> None:
        super().__init__(root, **more)
        self.moved = moved

    def run(self, arm: str, seed: int) -> None:
        super().run(arm, seed)
        if (arm, seed) != ("with-state", 0):
            return
        for of, changes in self.moved.items():
            for number, change in enumerate(changes, start=1):
                rows = self.scores(30, arm, seed, 3)
                right = sum(row["correct"] for row in rows) + change
                for place, row in enumerate(rows):
                    row["correct"] = place < right
                self.copy("evaluate", of, number, {"selection/results.jsonl": rows})
                if of == "retrain":
                    self.copy("train", of, number, {}, examples=9)

    def copy(self, kind: str, of: str, number: int, outs: dict[str, Any], **facts: Any) -> None:
        name = f"{kind}-{of}-{number}"
        self.stage(kind, name, "with-state", 0, None, outs, **facts)
        self.stages[name]["uses"][-1]["copy"] = {"of": of, "number": number}

    def write(self, *, asked: int = 2) -> Any:
        layout = super().write()
        path = layout.index("tiny")
        index = json.loads(path.read_text(encoding="utf-8"))
        index["noise"] = {**COPIES, **{of: asked * bool(self.moved.get(of)) for of in MOVED}}
        write_json(path, index)
        return layout


class Everything(Copied):
    """A store with another test set as well, and with two runs where asked for."""

    def run(self, arm: str, seed: int) -> None:
        super().run(arm, seed)
        rows = self.scores(20, arm, seed, 3)
        drawn = [{**row, "iteration": turn} for turn in (1, 2, 3) for row in rows]
        base = {"test/results.jsonl": self.scores(20, "", 0, 0)}
        self.stage("evaluate", "p-base", arm, seed, 0, base)
        name = f"p-{arm}-{seed}"
        self.stage("evaluate", name, arm, seed, None, {"test/results.jsonl": drawn})
        for mine in ("p-base", name):
            self.stages[mine]["uses"][-1]["probe"] = "elsewhere"
