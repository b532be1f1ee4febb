"""Looks into the student itself and teaches every skill alike."""

import json
from pathlib import Path

from dataenvgym_spec.gym import Allocation, SkillListState, Tools, share_out


class Watcher:
    """Says in its reasons how wide the student is that it was handed."""

    def __init__(self, *, student: Path, base: Path | None) -> None:
        self.width = json.loads(((base or student) / "config.json").read_text(encoding="utf-8"))[
            "hidden_size"
        ]

    def act(self, state: SkillListState, budget: int, tools: Tools) -> Allocation:
        """Shares `budget` examples evenly."""
        return Allocation(
            allocation=share_out(dict.fromkeys(state.skills, 1.0), budget),
            reasons=dict.fromkeys(state.skills, f"the student is {self.width} wide"),
        )
