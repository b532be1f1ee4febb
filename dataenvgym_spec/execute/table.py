"""Which function executes which stage kind. Imported one at a time: a kind's heavy imports are its own."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Final

from dataenvgym_spec.execute.context import Context

EXECUTORS: Final = {
    "data": "dataenvgym_spec.execute.stages.data:data",
    "reserve": "dataenvgym_spec.execute.stages.reserve:reserve",
    "student": "dataenvgym_spec.execute.stages.student:student",
    "skills": "dataenvgym_spec.execute.stages.skills:skills",
    "evaluate": "dataenvgym_spec.execute.stages.evaluate:evaluate",
    "plan": "dataenvgym_spec.execute.stages.plan:plan",
    "generate": "dataenvgym_spec.execute.stages.generate:generate",
    "check": "dataenvgym_spec.execute.stages.check:check",
    "train": "dataenvgym_spec.execute.stages.train:train",
    "gate": "dataenvgym_spec.execute.stages.gate:gate",
    "select": "dataenvgym_spec.execute.stages.select:select",
}


def executor(kind: str) -> Callable[[Context[Any]], None]:
    """The executor of a stage kind."""
    module, _, name = EXECUTORS[kind].partition(":")
    function: Callable[[Context[Any]], None] = getattr(importlib.import_module(module), name)
    return function
