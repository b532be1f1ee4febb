"""The shapes of a language model's answers about skills, and how they are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dataenvgym_spec.gym.answers import exactly
from dataenvgym_spec.gym.solving import read_object
from dataenvgym_spec.gym.teachers.protocol import Reply

_TEXT: Final = {"type": "string"}
_NUMBER: Final = {"type": "integer"}


def _listed(key: str, **fields: Any) -> dict[str, Any]:
    """The shape of an object with a list of objects."""
    return exactly({key: {"type": "array", "items": exactly(fields)}})


LABELS: Final = _listed("labels", number=_NUMBER, label=_TEXT)
GROUPS: Final = _listed(
    "skills", name=_TEXT, description=_TEXT, members={"type": "array", "items": _NUMBER}
)


def choice(names: Sequence[str]) -> dict[str, Any]:
    """The shape of an answer that is one of some names."""
    return exactly({"skill": {"type": "string", "enum": list(names)}})


def entries(reply: Reply, key: str) -> list[Mapping[str, Any]]:
    """The objects in a list of a reply's object."""
    listed = read_object(reply).get(key)
    if not isinstance(listed, list):
        return []
    return [entry for entry in listed if isinstance(entry, dict)]
