"""Which function executes which stage kind. Imported one at a time: a kind's heavy imports are its own."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Final

from dataenvgym_spec.stages.context import Context

EXECUTORS: Final = {
    "data": "dataenvgym_spec.stages.data:data",
    "reserve": "dataenvgym_spec.stages.reserve:reserve",
    "student": "dataenvgym_spec.stages.student:student",
    "skills": "dataenvgym_spec.stages.skills:skills",
    "evaluate": "dataenvgym_spec.stages.evaluate:evaluate",
    "plan": "dataenvgym_spec.stages.plan:plan",
    "generate": "dataenvgym_spec.stages.generate:generate",
    "check": "dataenvgym_spec.stages.check:check",
    "train": "dataenvgym_spec.stages.train:train",
    "gate": "dataenvgym_spec.stages.gate:gate",
    "select": "dataenvgym_spec.stages.select:select",
}


def executor(kind: str) -> Callable[[Context], None]:
    """The executor of a stage kind."""
    module, _, name = EXECUTORS[kind].partition(":")
    function: Callable[[Context], None] = getattr(importlib.import_module(module), name)
    return function
