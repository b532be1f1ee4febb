"""Images are shown to teachers that see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition, definitions
from dataenvgym_spec.language.declared import Definition
from dataenvgym_spec.language.options import at
from dataenvgym_spec.resolve.arms import Arm


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Teachers that read text alone, and are shown images by whoever names them (`x-shows`)."""
    for slot, place, options in arm.experiment.components():
        declared = definition(slot, options["kind"])
        for option in declared.marked("x-shows"):
            if not at(options, option):
                continue
            for name, kind in _blind(arm, declared, options):
                message = f"the {slot} '{declared.kind}' shows images to '{name}', "
                message += f"and a teacher of the kind '{kind}' reads text alone"
                able = [other for other, item in definitions()["teacher"].items() if _sees(item)]
                help = f"name a teacher that sees ({', '.join(able)}), or remove '{option[-1]}'"
                yield arm.node.at((*place, *option)).fault("E204", message, help)


def _blind(arm: Arm, declared: Definition, options: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The teachers that a component names and that do not see, each with its kind."""
    for part in declared.parts:
        name = at(options, part.path) if part.slot == "teacher" else None
        teacher = arm.experiment.referred("teacher", name) if isinstance(name, str) else None
        if teacher is not None and not _sees(definition("teacher", teacher["kind"])):
            yield str(name), teacher["kind"]


def _sees(teacher: Definition) -> bool:
    return "images" in teacher.carries
