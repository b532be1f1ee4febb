"""What an option names is of the sort that its component takes: procedural, or a language model."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition, definitions
from dataenvgym_spec.language.declared import Definition, Part
from dataenvgym_spec.language.places import named
from dataenvgym_spec.resolve.arms import Arm


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Named components that the component that names them cannot use."""
    for slot, place, options in arm.experiment.components():
        user = definition(slot, options["kind"])
        for part in user.parts:
            if part.takes is not None:
                for path, name in named(options, part.path):
                    yield from _misfit(arm, user, part, (*place, *path), name)


def _misfit(
    arm: Arm, user: Definition, part: Part, place: tuple[str, ...], name: str
) -> Iterator[Diagnostic]:
    options = arm.experiment.referred(part.slot, name)
    if options is None or _fits(part, definition(part.slot, options["kind"])):
        return
    fitting = [item.kind for item in definitions()[part.slot].values() if _fits(part, item)]
    if part.slot == "source":
        lack = "cannot make new problems"
        if part.takes == "variants":
            lack = "has no harder and easier variants of its groups"
        message = f"the source '{name}' {lack}"
        help = f"name a source of kind {' or '.join(fitting)}"
    else:
        sort = (
            "a language model" if part.takes == "language-model" else f"a {part.takes} {part.slot}"
        )
        message = f"the {user.slot} '{user.kind}' needs {sort}, and '{name}' is not one"
        help = f"name a {part.slot} of kind {' or '.join(fitting)}" if fitting else "install one"
    yield arm.node.at(place).fault("E204", message, help)


def _fits(part: Part, item: Definition) -> bool:
    if part.takes == "variants":
        return item.variants
    return item.procedural is (part.takes == "procedural")
