"""Looks into the student itself and teaches every skill alike."""

import json
from pathlib import Path

from dataenvgym_spec.gym.policies.allocate import share_out
from dataenvgym_spec.gym.policies.protocol import Action, Observation


class Watcher:
    """Says in its reasons how wide the student is that it was handed."""

    def __init__(self, *, student: Path, base: Path | None) -> None:
        self.width = json.loads(((base or student) / "config.json").read_text(encoding="utf-8"))[
            "hidden_size"
        ]

    def act(self, observation: Observation, amount: int) -> Action:
        """Shares `amount` examples evenly."""
        return Action(
            allocation=share_out(dict.fromkeys(observation.skills, 1.0), amount),
            reasons=dict.fromkeys(observation.skills, f"the student is {self.width} wide"),
        )
