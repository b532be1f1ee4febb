"""A check that judges answers by verifiers has examples that carry one."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.compile.rules.supply import drawn
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.resolve.arms import Arm


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Checks that would find every example right, or none."""
    for kind, options in arm.experiment.agent.checks.items():
        if options["action"] != "off" and definition("check", options["kind"]).verifier:
            yield from _with_themselves(arm, kind)
            if options["action"] == "reject":
                yield from _none(arm, kind)


def _with_themselves(arm: Arm, kind: str) -> Iterator[Diagnostic]:
    """Targets that would be compared with themselves, which is always right."""
    for source in drawn(arm):
        if not source.declared.verifier:
            message = (
                f"the check '{kind}' judges by verifiers, and the items of '{source.name}' carry "
                "none: it would compare each target with itself"
            )
            help = f"write '{kind}: {{action: off}}', or name a source whose items carry a verifier"
            yield arm.node.at(("agent", "checks", kind)).fault("E204", message, help)


def _none(arm: Arm, kind: str) -> Iterator[Diagnostic]:
    """Examples of which a scorer could say nothing."""
    engine, scorer = arm.experiment.agent.engine["kind"], arm.experiment.task.score["kind"]
    if definition("engine", engine).unverified and definition("scorer", scorer).verifier:
        message = (
            f"the scorer '{scorer}' judges by verifiers, and the examples of the engine "
            f"'{engine}' carry none: the check '{kind}' would reject them all"
        )
        help = f"write '{kind}: {{action: off}}', or another scorer as 'task.score'"
        yield arm.node.at(("agent", "engine")).fault("E204", message, help)
