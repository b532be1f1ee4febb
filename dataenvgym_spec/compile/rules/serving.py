"""Components serve what they work with: the task, the decoding, the prompt, and each other."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.places import PLACES
from dataenvgym_spec.resolve.arms import Arm


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Components that do not serve what the arm has."""
    actual = _actual(arm)
    for slot, path, options in arm.experiment.components():
        if slot == "check" and options["action"] == "off":
            continue
        for served, values in definition(slot, options["kind"]).serves.items():
            value = actual.get(served)
            if value is not None and value not in values:
                message = f"the {slot} '{options['kind']}' does not serve the {served} '{value}'"
                listed = ", ".join(values)
                help = f"it serves {listed}; choose another {slot} or another {served}"
                yield arm.node.at((*path, "kind")).fault("E204", message, help)


def _actual(arm: Arm) -> dict[str, str]:
    """The decoding and prompt of an arm, and the component of each slot that has one."""
    single = {place.path: place.slot for place in PLACES if "*" not in place.path}
    kinds = {
        single[path]: options["kind"]
        for _, path, options in arm.experiment.components()
        if path in single
    }
    draws = arm.experiment.student.generate.draws
    decoding = "sampling" if draws else "greedy"
    sampling = "several answers" if arm.experiment.student.generate.samples > 1 else "one answer"
    chats = any(prompt.chat for _, prompt in arm.experiment.prompts())
    prompt = "chat" if chats else "text"
    common = {"decoding": decoding, "sampling": sampling, "prompt": prompt}
    return {**common, **kinds}
