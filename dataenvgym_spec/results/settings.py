"""What was run.

The settings of the arms, those that a reader looks for first, and those that differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.results.experiment import Results

KEY: Final = (
    ("student", "student.model"),
    ("trained for", "student.train.length"),
    ("learning rate", "student.train.learning_rate"),
    ("batch size", "student.train.batch_size"),
    ("adapter", "student.train.adapter"),
    ("environment", "environment"),
    ("skills from", "skills.discover"),
    ("agent observes", "agent.observe"),
    ("policy", "agent.policy"),
    ("engine", "agent.engine"),
    ("checks", "agent.checks"),
    ("iterations", "loop.iterations"),
    ("stops early", "loop.stop"),
    ("examples per iteration", "loop.teach.examples"),
    ("agent rounds in each", "loop.rounds"),
    ("refills", "loop.teach.refill"),
    ("trained on", "loop.train_on"),
    ("best by", "select.by"),
)
"""What the page shows of every arm, with the words for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting in every arm."""

    name: str
    path: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether arms differ in it."""
        return len(set(self.values)) > 1


def key_settings(results: Results) -> tuple[Setting, ...]:
    """The settings that a reader looks for first."""
    arms = _arms(results)
    settings = [_setting(name, path, arms) for name, path in KEY]
    return tuple(setting for setting in settings if set(setting.values) != {"none"})


def borrowing(results: Results) -> tuple[tuple[str, str], ...]:
    """The arms that have no agent at work, each with the arm that its data come from."""
    pairs = []
    for arm in results.index.arms:
        other = at(results.settings[arm], "data_from.arm")
        if other in results.index.arms:
            pairs.append((arm, other))
    return tuple(pairs)


def all_settings(results: Results) -> tuple[Setting, ...]:
    """Every resolved setting by its path in the spec."""
    arms = _arms(results)
    return tuple(_setting(path, path, arms) for path in sorted(_paths(arms)))


def _arms(results: Results) -> list[dict[str, Any]]:
    return [results.settings[arm] for arm in results.index.arms]


def _setting(name: str, path: str, arms: Sequence[dict[str, Any]]) -> Setting:
    return Setting(name=name, path=path, values=_described([at(arm, path) for arm in arms]))


def _described(values: Sequence[Any]) -> tuple[str, ...]:
    """Values in a few words, or in full where those words are alike and the values are not."""
    words = tuple(map(describe, values))
    # None, and an empty mapping or list, are one: there is nothing.
    exact = tuple("null" if value in (None, {}, []) else canonical(value) for value in values)
    return words if len(set(words)) == len(set(exact)) else exact


def at(settings: Any, path: str) -> Any:
    """What settings have at a path; None where they have nothing there, or are of another shape.

    >>> at({"select": {"by": "last"}}, "select.by"), at({"select": "last"}, "select.by")
    ('last', None)
    """
    for name in path.split("."):
        settings = settings.get(name) if isinstance(settings, dict) else None
    return settings


def _paths(arms: Sequence[Any], path: str = "") -> Iterator[str]:
    """The paths at which at least one arm has no further settings below."""
    if not all(isinstance(arm, dict) and arm for arm in arms):
        yield path
        return
    for name in sorted({name for arm in arms for name in arm}):
        below = f"{path}.{name}" if path else name
        yield from _paths([arm.get(name) for arm in arms], below)


def different(first: dict[str, Any], second: dict[str, Any]) -> tuple[Setting, ...]:
    """The settings in which two arms differ, which may be of two experiments.

    >>> for one in different({"loop": {"iterations": 3}}, {"loop": {"iterations": 4}}):
    ...     print(one.path, *one.values)
    loop.iterations 3 4
    """
    both = (first, second)
    settings = (_setting(path, path, both) for path in sorted(_paths(both)))
    return tuple(setting for setting in settings if setting.differs)


def describe(value: Any) -> str:
    """A value of a spec in a few words.

    >>> describe({"kind": "allocate", "power": 1.0, "floor": None})
    'allocate (power 1.0)'
    >>> describe({"scores": True, "yield": False, "errors": 2})
    'scores, errors 2'
    """
    if isinstance(value, dict):
        return _describe_mapping(value)
    if isinstance(value, list):
        return ", ".join(describe(item) for item in value) or "none"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _describe_mapping(value: dict[str, Any]) -> str:
    parts = []
    for name, item in value.items():
        # Not `in (None, False)`: a 0 equals False, and says something.
        if name == "kind" or item is None or item is False:
            continue
        parts.append(_part(name, item))
    inside = ", ".join(parts)
    kind = value.get("kind")
    if not kind:
        return inside or "none"
    return f"{kind} ({inside})" if inside else str(kind)


def _part(name: str, value: Any) -> str:
    if value is True:
        return name
    if not isinstance(value, dict):
        return f"{name} {describe(value)}"
    # `overlap: {kind: overlap}` needs no name before it.
    if value.get("kind") == name:
        return describe(value)
    return f"{name} ({describe(value)})"
