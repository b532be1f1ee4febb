"""Whether a stage's loop has stopped, so that it passes through what stood before."""

from __future__ import annotations

from typing import Any

from dataenvgym_spec.records.evaluations import Stopped
from dataenvgym_spec.records.files import read
from dataenvgym_spec.store.layout import Layout


def stopped(layout: Layout, content: dict[str, Any]) -> bool:
    """Whether the gate that a stage reads, if it has one, said stop.

    Args:
        layout: the repository.
        content: the stage's `stage.json`.
    """
    for slot, key, port in content["inputs"]:
        path = layout.stage(content["reads"][key]) / "out" / port / "gate.json"
        if slot == "gate" and path.is_file() and read(path, Stopped).stop:
            return True
    return False
