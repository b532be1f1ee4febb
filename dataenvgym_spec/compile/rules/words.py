"""A component that is written as a bare word is one that needs no options."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.resolve.arms import Arm


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Components without an option that they require: of a mapping the schema has said so."""
    for slot, place, options in arm.experiment.components():
        kind = options["kind"]
        for key in definition(slot, kind).schema["required"]:
            if key not in options:
                message = f"the {slot} '{kind}' needs '{key}', and is not a bare word"
                help = f"write {{kind: {kind}, {key}: ...}}"
                yield arm.node.at(place).fault("E104", message, help)
