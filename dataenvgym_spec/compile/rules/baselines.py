"""Baselines have names of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.resolve.arms import Arm

TAKEN: Final = ("base", "best", "last")
"""What reports call the students of an arm."""


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Baselines that are called as a student is."""
    for name in arm.experiment.baselines:
        if name in TAKEN:
            message = f"a baseline cannot be called '{name}': reports call a student so"
            help = "name it by what its prompt has, such as 'few-shot'"
            yield arm.node.at(("baselines", name)).key_fault("E204", message, help)
