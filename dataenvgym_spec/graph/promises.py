"""What running a stage again gives: what its kind promises, or less or more where the components in it say so."""

from __future__ import annotations

from typing import Any, Final

from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.graph.kinds import Promise
from dataenvgym_spec.language.components import definition

_WEAKEST_FIRST: Final[tuple[Promise, ...]] = ("none", "same-machine", "anywhere")
_MAKERS: Final = {
    "policy": "policy",
    "engine": "engine",
    "teacher": "teacher",
    "discover": "discovery",
}
"""Parameters that hold a component which makes the result, and the slot that the component is defined for."""


def promise(stage: Stage) -> Promise:
    """The weakest promise of the components that make a stage's result; a built-in one that declares none keeps the kind's.

    So examples written by a procedural engine and teacher are the same bytes anywhere, though a teacher in general
    promises nothing, and a plan by a policy that asks a language model is not.
    """
    kept = stage.declaration.promise
    found = [declared or kept for declared in _declared(stage.params)]
    return min(found, key=_WEAKEST_FIRST.index) if found else kept


def _declared(params: dict[str, Any]) -> list[Promise | None]:
    found: list[Promise | None] = []
    for name, slot in _MAKERS.items():
        part = params.get(name)
        if isinstance(part, dict) and "kind" in part:
            found += [_of(slot, part["kind"]), *_declared(part)]
    return found


def _of(slot: str, kind: str) -> Promise | None:
    item = definition(slot, kind)
    if item.promise is None and item.distribution is not None:
        return "none"  # nobody has said of a package that it gives the same twice
    return next((known for known in _WEAKEST_FIRST if known == item.promise), None)
