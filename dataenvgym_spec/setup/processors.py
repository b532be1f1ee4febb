"""What the processors of the students of a repository need besides the extras."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import Any, Final

from dataenvgym_spec.gym.students.pretrained import needs_torchvision
from dataenvgym_spec.records.files import parse_json
from dataenvgym_spec.resolve.arms import Arm, Resolved

MODEL: Final = ("student", "model")
"""Where a spec says which student is taught."""


def without_torchvision(specs: Iterable[Resolved]) -> dict[str, tuple[str, ...]]:
    """The families of students that need torchvision, with the spec files that name them.

    Nothing where it is installed, or where nothing can run a student at all.
    """
    if find_spec("torchvision") is not None or find_spec("transformers") is None:
        return {}
    found: dict[str, dict[str, None]] = {}
    for spec in specs:
        for arm in spec.arms:
            config = _config(arm)
            if needs_torchvision(config):
                found.setdefault(str(config["model_type"]), {})[PurePath(spec.path).name] = None
    return {family: tuple(files) for family, files in sorted(found.items())}


def _config(arm: Arm) -> Mapping[str, Any]:
    """The configuration of the student of an arm; nothing of one that is not on this machine."""
    for place, file in arm.references.items():
        if place[:2] == MODEL and file.config is not None:
            return file.config
    for place, reference in arm.revisions.items():
        if place[:2] == MODEL:
            return _on_hub(reference.id, reference.revision)
    return {}


def _on_hub(name: str, revision: str) -> Mapping[str, Any]:
    """The configuration of a model that was fetched from the hub before."""
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(name, "config.json", revision=revision)
    if not isinstance(path, str):
        return {}
    try:
        content = parse_json(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
