"""A teacher reads items of selection or test only where the spec says that it may."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.places import named
from dataenvgym_spec.resolve.arms import Arm


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Splits that are labelled by a discovery that sends their questions to a teacher."""
    skills = arm.experiment.skills
    if skills is None or not skills.labelled:
        return
    teacher = next(_asked(arm), None)
    for split in skills.labelled:
        if teacher is None or split in skills.readable:
            continue
        kind = skills.discover["kind"]
        message = f"the discovery '{kind}' would send the questions of the {split} split "
        message += f"to the teacher '{teacher}'"
        readable = ", ".join((*skills.readable, split))
        help = f"say that it may read them: skills: {{teacher_may_read: [{readable}]}}; "
        help += f"or leave '{split}' out of 'skills.label'"
        yield arm.node.at(("skills", "label")).fault("E301", message, help)


def _asked(arm: Arm) -> Iterator[str]:
    """The teachers that the discovery names and that are asked something."""
    for slot, _, options in arm.experiment.components():
        if slot != "discovery":
            continue
        for part in definition(slot, options["kind"]).parts:
            if part.slot != "teacher":
                continue
            for _, name in named(options, part.path):
                teacher = arm.experiment.referred("teacher", name)
                if teacher is None or not definition("teacher", teacher["kind"]).procedural:
                    yield name
