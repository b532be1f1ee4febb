"""Which function executes which stage kind: the one of its name, in the module of its name.

Imported one at a time, as a kind's heavy imports are its own.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.graph.kinds import KINDS


def executor(kind: str) -> Callable[[Context[Any]], None]:
    """The executor of a stage kind.

    Raises:
        KeyError: there is no such kind.
    """
    if kind not in KINDS:
        raise KeyError(kind)
    module = importlib.import_module(f"dataenvgym_spec.execute.stages.{kind}")
    function: Callable[[Context[Any]], None] = getattr(module, kind)
    return function
