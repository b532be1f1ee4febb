"""What running a stage again gives.

What its kind promises, or less or more where its components say so.
"""

from __future__ import annotations

from typing import Final

from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.language.declared import Promise

_WEAKEST_FIRST: Final[tuple[Promise, ...]] = ("none", "same-machine", "anywhere")
_MAKERS: Final = frozenset(
    {"policy", "engine", "painter", "teacher", "discovery", "environment", "proposer"}
)
"""Slots whose components make the result of a stage. What a source or a scorer of a package does is
versioned by its source, and a student's training promises what its kind does."""


def promise(stage: Stage) -> Promise:
    """The weakest promise of the components that make a stage's result.

    A built-in component that declares none keeps the kind's. So examples written by a procedural
    engine and teacher are the same bytes anywhere, though a teacher in general promises nothing,
    and a plan by a policy that asks a language model is not. A spec can give up the promise.
    """
    if not stage.params.repeatable:
        return "none"
    kept = stage.declaration.promise
    promises = []
    for _, component in stage.params.components():
        makers = [part for part in component.walk() if part.slot in _MAKERS]
        promises += [_declared(part) or kept for part in makers]
    return min(promises, key=_WEAKEST_FIRST.index) if promises else kept


def _declared(component: Component) -> Promise | None:
    item = component.definition
    if item.promise is None and item.distribution is not None:
        return "none"  # nobody has said of a package that it gives the same twice
    return item.promise
