"""Which experiments are compiled here. Other files in `experiments/` are the user's."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from dataenvgym_spec.records.experiment import spec_files
from dataenvgym_spec.records.files import parse_json
from dataenvgym_spec.store.layout import Layout

KEYS: Final = frozenset({"format", "stages", "arms"})


def compiled(layout: Layout) -> list[str]:
    """The names of the experiments that are compiled here."""
    return sorted(path.stem for path in layout.experiments.glob("*.json") if is_index(path))


class _Made(msgspec.Struct):
    """The part of an index that says what an experiment was made from."""

    inputs: dict[str, str] = {}
    sweep: str | None = None


def specs_of(name: str, layout: Layout) -> list[str]:
    """The specs that an experiment or a sweep was compiled from, by their paths in the repository.

    Args:
        name: of the experiment or the sweep.
        layout: the repository.

    Returns:
        Its own spec and its parents; empty if nothing of that name is compiled.
    """
    for path in sorted(layout.experiments.glob("*.json")):
        if path.stem == name or path.stem.startswith(f"{name}-"):
            try:
                made = msgspec.json.decode(path.read_bytes(), type=_Made)
            except (OSError, msgspec.DecodeError):
                continue
            if name in (path.stem, made.sweep):
                return spec_files(made.inputs)
    return []


def is_index(path: Path) -> bool:
    """Whether compile wrote a file.

    Three of its keys tell, so that an index of an older shape counts too, and one in which a merge
    left conflict markers.
    """
    if path.suffix != ".json":
        return False
    try:
        text = path.read_text(encoding="utf-8")
        content = parse_json(text)
    except UnicodeDecodeError:
        return False
    except ValueError:
        return "\n<<<<<<< " in text and all(f'\n "{key}": ' in text for key in KEYS)
    except OSError:
        return False
    return isinstance(content, dict) and content.keys() >= KEYS
