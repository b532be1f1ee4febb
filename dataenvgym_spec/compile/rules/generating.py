"""The student generates elsewhere than where `student.generate` says: in a trainer, as a teacher.

The backend that such a component names serves the student's adapter, and takes its measures.
"""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.compile.rules import limits
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.declared import OptionPath
from dataenvgym_spec.language.places import named
from dataenvgym_spec.resolve.arms import Arm


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Backends that cannot have the student."""
    measures = limits.measures_of(arm)
    for place, backend, adapted in _backends(arm):
        if adapted:
            yield from _adapter(arm, place, backend)
        known = dict(measures)
        if not adapted:
            known.pop("rank", None)
        for limit in limits.broken(definition("backend", backend), known):
            yield limits.fault(arm, place, limit, known)


def _backends(arm: Arm) -> Iterator[tuple[OptionPath, str, bool]]:
    """The options that name a backend, its name, and whether the student is an adapted one."""
    for slot, path, options in arm.experiment.components():
        declared = definition(slot, options["kind"])
        adapted = declared.read_with(options) != "base"
        for option in declared.marked("x-backend"):
            for inner, backend in named(options, option):
                yield (*path, *inner), backend, adapted


def _adapter(arm: Arm, place: OptionPath, backend: str) -> Iterator[Diagnostic]:
    """An adapter that does not serve a backend."""
    options = arm.experiment.student.train.adapter
    if options is None:
        return
    served = definition("adapter", options["kind"]).serves.get("backend")
    if served is not None and backend not in served:
        message = f"the adapter '{options['kind']}' does not serve the backend '{backend}'"
        help = f"it serves {', '.join(served)}; choose another adapter or another backend"
        yield arm.node.at(place).fault("E204", message, help)
