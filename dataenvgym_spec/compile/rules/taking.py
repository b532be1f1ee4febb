"""What an option names or holds is of the sort that its component takes, such as procedural."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
                for path, value in named(options, part.path):
                    yield from _misfit(arm, user, part, (*place, *path), value)


def _misfit(
    arm: Arm, user: Definition, part: Part, place: tuple[str, ...], value: Any
) -> Iterator[Diagnostic]:
    by_name = part.by == "name"
    options = arm.experiment.referred(part.slot, value) if by_name else value
    if options is None or _fits(part, definition(part.slot, options["kind"])):
        return
    fitting = [item.kind for item in definitions()[part.slot].values() if _fits(part, item)]
    name = value if by_name else options["kind"]
    if part.takes == "ready":
        message = f"the {user.slot} '{user.kind}' takes a model that exists, not one to be made"
        place = (*place, "kind")
        help = f"name one of kind {' or '.join(fitting)}"
    elif part.slot == "source":
        lack = "cannot make new problems"
        if part.takes == "variants":
            lack = "has no harder and easier variants of its groups"
        elif part.takes == "rows":
            lack = "has no rows with columns"
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
    if part.takes == "ready":
        return item.ready
    if part.takes == "rows":
        return "input" in item.marked("x-column").values()
    return item.procedural is (part.takes == "procedural")
