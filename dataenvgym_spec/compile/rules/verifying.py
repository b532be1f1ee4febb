"""A check that judges answers by verifiers has examples that carry one."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.compile.rules.supply import drawn
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.resolve.arms import Arm


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Checks that would compare a target with itself, which is always right."""
    without = [source for source in drawn(arm) if not source.declared.verifier]
    for kind, options in arm.experiment.agent.checks.items():
        if options["action"] == "off" or not definition("check", options["kind"]).verifier:
            continue
        for source in without:
            message = (
                f"the check '{kind}' judges by verifiers, and the items of '{source.name}' carry "
                "none: it would compare each target with itself"
            )
            help = f"write '{kind}: {{action: off}}', or name a source whose items carry a verifier"
            yield arm.node.at(("agent", "checks", kind)).fault("E204", message, help)
