"""What of a component determines what it gives, and what people call it."""

from __future__ import annotations

from typing import Any

from dataenvgym_spec.gym.make import Described
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.options import at, without


def determining(described: Described) -> dict[str, Any]:
    """What of a component determines what it gives: all but what is declared a circumstance."""
    options = described.options
    for path in definition(described.slot, described.kind).marked("x-circumstance"):
        if at(options, path) is not None:
            options = without(options, path)
    parts = {path: determining(part) for path, part in described.parts.items()}
    return {
        "kind": described.kind,
        "version": described.version,
        "options": dict(options),
        "parts": sorted([list(path), part] for path, part in parts.items()),
    }


def name_of(teacher: Described) -> str:
    """What accounts call a teacher: its model, or its kind if it names none."""
    model = teacher.options.get("model")
    held = [part.options.get("id") for part in teacher.parts.values() if part.slot == "model"]
    named = [name for name in (model, *held) if isinstance(name, str)]
    return named[0] if named else teacher.kind
