"""What a spec can name: the table of component definitions. Reads JSON only; imports no component.

A definition says which options a component takes (JSON Schema), how its results are versioned (`semantics`), which
extra it needs and where its class lives. The file lies beside the module it describes.
"""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from dataenvgym_spec.errors import MissingExtra

BUILT_IN: Final[dict[str, dict[str, str]]] = {
    "source": {"reasoning-gym": "tasks/reasoning_gym.json", "jsonl": "tasks/jsonl.json", "hub": "tasks/hub.json"},
    "scorer": {"reasoning-gym": "tasks/reasoning_gym_score.json", "exact-match": "tasks/exact_match.json", "math-verify": "tasks/math_verify.json"},
    "model": {"scratch": "students/scratch.json", "path": "students/path.json", "hub": "students/hub.json"},
    "adapter": {"lora": "students/lora.json"},
    "discovery": {"gold": "agents/gold.json"},
    "policy": {"allocate": "agents/allocate.json"},
    "teacher": {"procedural": "teachers/procedural.json"},
    "engine": {"procedural": "engines/procedural.json"},
    "check": {"scorable": "checks/scorable.json", "duplicate": "checks/duplicate.json", "overlap": "checks/overlap.json"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One component that a spec can name."""

    slot: str
    kind: str
    title: str
    description: str
    semantics: int
    schema: dict[str, Any]
    implementation: str
    extra: str | None
    packages: tuple[str, ...]

    def load(self) -> Any:
        """Imports and returns the component's class.

        Raises:
            MissingExtra: a package it needs is not installed.
        """
        module, _, name = self.implementation.partition(":")
        for package in self.packages:
            if importlib.util.find_spec(package) is None:
                raise MissingExtra(package, self.extra or "all", f"the {self.slot} '{self.kind}'")
        return getattr(importlib.import_module(module), name)


def make(slot: str, options: dict[str, Any], **more: Any) -> Any:
    """An instance of a component.

    Args:
        slot: what it is plugged into.
        options: its resolved options with `kind` and `semantics`.
        more: arguments that do not come from the spec.

    Raises:
        MissingExtra: a package it needs is not installed.
    """
    arguments = {key: value for key, value in options.items() if key not in ("kind", "semantics")}
    return definition(slot, options["kind"]).load()(**arguments, **more)


@cache
def definitions() -> dict[str, dict[str, Definition]]:
    """All definitions, by slot and kind."""
    root = files("dataenvgym_spec")
    return {
        slot: {kind: _read(slot, kind, json.loads((root / path).read_text(encoding="utf-8"))) for kind, path in kinds.items()}
        for slot, kinds in BUILT_IN.items()
    }


def definition(slot: str, kind: str) -> Definition:
    """The definition of one component that is known to exist."""
    return definitions()[slot][kind]


def _read(slot: str, kind: str, data: dict[str, Any]) -> Definition:
    return Definition(
        slot=slot,
        kind=kind,
        title=data["title"],
        description=data["description"],
        semantics=data["semantics"],
        schema={"properties": data.get("properties", {}), "required": data.get("required", [])},
        implementation=data["implementation"],
        extra=data.get("extra"),
        packages=tuple(data.get("packages", ())),
    )
