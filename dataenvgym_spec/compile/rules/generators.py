"""A group of a procedural source sets only options that its generator has.

A source declares their names (`x-options`), so that nothing of the generator is imported here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dataenvgym_spec.core.errors import Diagnostic, suggest
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.options import at
from dataenvgym_spec.resolve.arms import Arm


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Options that the generator of a group does not have."""
    for slot, place, options in arm.experiment.components():
        for path, declared in definition(slot, options["kind"]).marked("x-options").items():
            for name, group in (at(options, path) or {}).items():
                for key, allowed in _unknown(group, declared):
                    node = arm.node.at((*place, *path, name, declared["options"], key))
                    generator = group[declared["by"]]
                    message = f"'{generator}' has no option '{key}'"
                    yield node.key_fault("E102", message, suggest(key, allowed))


def _unknown(group: dict[str, Any], declared: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """The options of a group that its generator does not have, and those that it has."""
    allowed = declared["names"].get(group.get(declared["by"]))
    if allowed is None:
        return
    for key in group.get(declared["options"]) or {}:
        if key not in allowed:
            yield key, allowed
