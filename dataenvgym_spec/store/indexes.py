"""Which experiments are compiled here. Other files in `experiments/` are the user's."""

from __future__ import annotations

from pathlib import Path

from dataenvgym_spec.records.files import parse_json
from dataenvgym_spec.store.layout import Layout


def compiled(layout: Layout) -> list[str]:
    """The names of the experiments that are compiled here."""
    return sorted(path.stem for path in layout.experiments.glob("*.json") if is_index(path))


def is_index(path: Path) -> bool:
    """Whether compile wrote a file.

    Three of its keys tell, so that an index of an older shape counts too.
    """
    if path.suffix != ".json":
        return False
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and {"format", "stages", "arms"} <= content.keys()
