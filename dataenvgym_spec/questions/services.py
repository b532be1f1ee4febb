"""Whether the services that an experiment asks can be used from here, before anything runs.

A spec is valid without keys: which it needs is a matter of the machine that runs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from dataenvgym_spec.core.errors import Diagnostic, gathered
from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.declared import REFERRED
from dataenvgym_spec.language.services import service
from dataenvgym_spec.resolve.arms import Arm, Resolved


def unusable(
    specs: Iterable[Resolved], stages: Iterable[Stage], environ: Mapping[str, str]
) -> tuple[Diagnostic, ...]:
    """What is missing to use the services that some stages ask, each once, at its place.

    Args:
        specs: the specs of the stages.
        stages: those that will run.
        environ: the environment.
    """
    asked = _asked(stages)
    if not asked:
        return ()
    found: list[Diagnostic] = []
    for spec in specs:
        for arm in spec.arms:
            found += map(spec.family.annotate, _faults(arm, asked, environ))
    return gathered(found)


def _asked(stages: Iterable[Stage]) -> set[str]:
    """The components of stages that ask a service."""
    # Stages of a loop share their parameters.
    every = {id(stage.params): stage.params for stage in stages}
    asked = set()
    for params in every.values():
        for _, component in params.components():
            for part in component.walk():
                if part.marked("x-services"):
                    asked.add(canonical(part.plain()))
    return asked


def _faults(arm: Arm, asked: set[str], environ: Mapping[str, str]) -> Iterator[Diagnostic]:
    for slot, place, options in arm.experiment.components():
        item = definition(slot, options["kind"])
        if not item.marked("x-services"):
            continue
        bound = Component.bind(slot, options, lambda _slot, _name: {})
        found = service(item, options, environ)
        if found is None or canonical(bound.plain()) not in asked:
            continue
        holder = arm.node.at(place)
        for fault in found.faults:
            node = arm.node.at((*place, *fault.path))
            name = place[-1] if slot in REFERRED else options["kind"]
            message = f"the {slot} '{name}' cannot be asked: {fault.message}"
            # What is left out has no place of its own.
            tell = node.key_fault if node is holder else node.fault
            yield tell("E211", message, fault.help)
