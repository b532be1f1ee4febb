"""Which values differ between arms of two specs, and where each was written. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dataenvgym_spec.core.errors import Span
from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.language.source import Json
from dataenvgym_spec.questions.explain import plain
from dataenvgym_spec.resolve.arms import Arm
from dataenvgym_spec.resolve.files import File
from dataenvgym_spec.resolve.lanes import DEFAULT_SHARES
from dataenvgym_spec.resolve.merge import KeyPath

KEYLESS: Final = frozenset({"name", "description", "analysis", "limits", "version"})
"""Sections that no stage's key reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SideValue:
    """A value on one side. Without a `span` it is a default, or if `absent` there is none."""

    value: Json = None
    span: Span | None = None
    absent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueChange:
    """A value that differs, in the arms named. `keyed`: whether a stage's key can depend on it."""

    path: KeyPath
    old: SideValue
    new: SideValue
    arms: tuple[str, ...]
    keyed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _FileValue:
    """A file in a tree of values: it is its content, wherever it is kept."""

    content: str
    shown: str = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Alike:
    """A change without the arms it is in: the same in several arms is one."""

    path: KeyPath
    old: SideValue
    new: SideValue


_ABSENT: Final[Any] = object()


def changes(pairs: Sequence[tuple[Arm, Arm]]) -> tuple[ValueChange, ...]:
    """The values that differ, those that keys depend on first."""
    arms: list[tuple[_Alike, list[str]]] = []
    for old, new in pairs:
        for path, before, after in _differences(_tree(old), _tree(new), ()):
            left, right = _value(old, path, before), _value(new, path, after)
            _note(arms, _Alike(path=path, old=left, new=right), new.name)
    different = [_change(alike, names) for alike, names in arms]
    return tuple(sorted(different, key=lambda change: not change.keyed))


def _note(arms: list[tuple[_Alike, list[str]]], alike: _Alike, name: str) -> None:
    """Adds an arm to those of a change. Values may be lists, so that changes cannot be keys."""
    for other, names in arms:
        if other == alike:
            names.append(name)
            return
    arms.append((alike, [name]))


def _change(alike: _Alike, arms: Sequence[str]) -> ValueChange:
    keyed = alike.path[0] not in KEYLESS
    return ValueChange(path=alike.path, old=alike.old, new=alike.new, arms=tuple(arms), keyed=keyed)


def _tree(arm: Arm) -> dict[str, Any]:
    """One arm in full, files as what they hold, and the shares of splits filled in."""
    whole: dict[str, Any] = plain(arm)
    for path, file in arm.references.items():
        holder: Any = whole
        for step in path[:-1]:
            holder = holder[step]
        shown = _file(file, str(holder[path[-1]]))
        holder[path[-1]] = _FileValue(content=file.content, shown=shown)
    # Shares depend on the role, so that the record of a split has no default for them.
    for role, split in whole["task"]["splits"].items():
        if "same_as" not in split and not isinstance(split["draw"], str):
            split.setdefault("share", DEFAULT_SHARES[role])
    return whole


def _file(file: File, name: str) -> str:
    return f"{file.path or name} ({file.digest[:8]})" if file.digest else name


def _differences(old: Any, new: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any, Any]]:
    """Where two trees differ: a value, or a component that is of another kind, whole."""
    mappings = isinstance(old, dict) and isinstance(new, dict)
    if mappings and old.get("kind") == new.get("kind"):
        for key in dict.fromkeys([*old, *new]):
            before, after = old.get(key, _ABSENT), new.get(key, _ABSENT)
            yield from _differences(before, after, (*path, key))
    elif not _same(old, new):
        yield path, old, new


def _same(old: Any, new: Any) -> bool:
    if _ABSENT in (old, new) or isinstance(old, _FileValue) or isinstance(new, _FileValue):
        return bool(old == new)
    # As in a key, 1 and 1.0 are two values of an option.
    return canonical(_shown(old)) == canonical(_shown(new))


def _shown(value: Any) -> Json:
    """A value as JSON, files by name."""
    if isinstance(value, _FileValue):
        return value.shown
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    return [_shown(item) for item in value] if isinstance(value, list) else value


def _value(arm: Arm, path: KeyPath, value: Any) -> SideValue:
    """A value and where it was written; an absent one, where the `null` is that removed it."""
    if value is _ABSENT:
        return SideValue(span=_removed(arm, path), absent=True)
    return SideValue(value=_shown(value), span=_set(arm, path))


def _set(arm: Arm, path: KeyPath) -> Span | None:
    node = arm.node.find(*path)
    if node is None:
        return None
    return node.key if isinstance(node.value, dict) else node.span


def _removed(arm: Arm, path: KeyPath) -> Span | None:
    for layer in reversed(arm.layers):
        node = layer.tree.find(*path)
        if node and node.value is None:
            return node.span
    return None
