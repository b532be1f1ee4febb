"""What a machine and a teacher's model cost.

The table in `prices.yaml`, at the root of the repository. Never part of a key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from dataenvgym_spec.core.errors import SpecError
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.language import source
from dataenvgym_spec.language.validate import against

FILE: Final = "prices.yaml"

_DOLLARS: Final = {"type": "number", "minimum": 0}
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "Prices: `machine_hour`, `gpu_hour` and `models`.",
    "additionalProperties": False,
    "properties": {
        "machine_hour": {
            **_DOLLARS,
            "description": "US dollars for an hour of the machine that runs stages.",
        },
        "gpu_hour": {
            **_DOLLARS,
            "description": "US dollars for an hour of one GPU, beside the machine.",
        },
        "models": {
            "type": "object",
            "description": "US dollars per million tokens of teachers' models, by name.",
            "additionalProperties": {
                "type": "object",
                "description": "US dollars per million tokens: `{prompt: 2.5, generated: 10}`.",
                "additionalProperties": False,
                "required": ["prompt", "generated"],
                "properties": {
                    "prompt": {
                        **_DOLLARS,
                        "description": "US dollars per million tokens that it reads.",
                    },
                    "generated": {
                        **_DOLLARS,
                        "description": "US dollars per million tokens that it writes.",
                    },
                },
            },
        },
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPrice:
    """US dollars per million tokens."""

    prompt: float
    generated: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The table. Without a file everything is free."""

    machine_hour: float = 0.0
    gpu_hour: float = 0.0
    models: Mapping[str, TokenPrice] = field(default_factory=dict)

    def of(self, teacher: Component) -> TokenPrice | None:
        """What a teacher's tokens cost: by the model it names, else by its kind."""
        for name in (str(teacher.options.get("model")), teacher.kind):
            if name in self.models:
                return self.models[name]
        return None


def read_prices(root: Path) -> Prices:
    """Reads the table of a repository.

    Raises:
        SpecError: the file is no such table.
    """
    path = root / FILE
    if not path.exists():
        return Prices()
    node = source.read(path, shown=FILE)
    found = against(SCHEMA, node)
    if found:
        raise SpecError(found)
    return msgspec.convert(node.plain(), Prices)
