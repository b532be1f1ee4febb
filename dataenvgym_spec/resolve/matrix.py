"""The points of a `matrix`: a grid of values by path, or a list of points.

Each point is an experiment of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from math import prod
from typing import Final

from dataenvgym_spec.core.errors import Diagnostic, Span, SpecError
from dataenvgym_spec.core.hashing import digest
from dataenvgym_spec.language.source import Json, Node
from dataenvgym_spec.resolve.merge import (
    KeyPath,
    is_choice,
    joined,
    parse_path,
    planted,
    replaces,
    show_path,
)

MAX_POINTS: Final = 10_000
MAX_PATHS: Final = 100
LONGEST: Final = 60
"""Characters of a point's name."""
LONGEST_NAME: Final = 64
"""Characters of an experiment's name, which is that of a DVC stage."""
LONGEST_VALUE: Final = 24
"""Characters of a value in a point's name."""
RESERVED: Final = frozenset({"version", "name", "extends", "matrix", "$schema"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point: its name, the values that it sets, and where each of its paths was written."""

    suffix: str
    tree: Node
    paths: dict[KeyPath, Span]

    @property
    def name(self) -> str:
        """The layer's name in an explanation."""
        return f"matrix {self.suffix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    path: KeyPath
    value: Node
    key: Span


def expand(node: Node) -> tuple[Point, ...]:
    """The points of a matrix that fits the schema, in the order they are written.

    The last path of a grid varies fastest.

    Raises:
        SpecError: a path is malformed or may not vary, the product is larger than `MAX_POINTS`, a
            point is empty, or two points have one name.
    """
    findings: list[Diagnostic] = []
    if isinstance(node.value, dict):
        points = tuple(_grid(node, node.value, findings))
    else:
        points = tuple(_list(node, findings))
    names: set[str] = set()
    for point in points:
        if point.suffix in names:
            message = f"two points of the matrix are called '{point.suffix}'"
            help = "remove one, or give them a 'name' each"
            findings.append(point.tree.fault("E208", message, help))
        names.add(point.suffix)
    if findings:
        raise SpecError(findings)
    return points


def _grid(node: Node, axes: dict[str, Node], findings: list[Diagnostic]) -> Iterator[Point]:
    if len(axes) > MAX_PATHS:
        findings.append(_too_many(node))
        return
    lists = []
    for name, values in axes.items():
        path = _path(name, values, findings)
        if path is not None:
            key = values.key or values.span
            lists.append([_Setting(path=path, value=value, key=key) for value in _items(values)])
    # Counted before it is made: sixty axes of four values have no end.
    count = prod(map(len, lists))
    if count > MAX_POINTS:
        message = f"the matrix has {count} points, more than {MAX_POINTS}"
        help = "vary fewer values, or split the sweep into several specs"
        findings.append(node.fault("E206", message, help))
    elif lists:
        yield from map(_point, product(*lists))


def _list(node: Node, findings: list[Diagnostic]) -> Iterator[Point]:
    for item in _items(node):
        assert isinstance(item.value, dict)
        if len(item.value) > MAX_PATHS:
            findings.append(_too_many(item))
            return
        settings = []
        for name, value in item.value.items():
            path = _path(name, value, findings) if name != "name" else None
            if path is not None:
                key = value.key or value.span
                settings.append(_Setting(path=path, value=value, key=key))
        if settings:
            name_node = item.find("name")
            yield _point(settings, str(name_node.value) if name_node is not None else None)
        elif not findings:
            message = "a point of the matrix sets nothing"
            help = "set at least one path, or remove the point"
            findings.append(item.fault("E206", message, help))


def _too_many(node: Node) -> Diagnostic:
    message = f"the matrix varies more than {MAX_PATHS} paths at once"
    help = "vary fewer, or move what varies together into files to extend"
    return node.fault("E206", message, help)


def _items(node: Node) -> tuple[Node, ...]:
    assert isinstance(node.value, tuple)
    return node.value


def _path(name: str, node: Node, findings: list[Diagnostic]) -> KeyPath | None:
    path = parse_path(name)
    if path is None:
        message = f"'{name[:60]}' is no path"
        help = "write keys with dots between them, as in student.train.learning_rate"
        findings.append(node.key_fault("E106", message, help))
        return None
    if path[0] in RESERVED:
        message = f"a matrix cannot vary '{path[0]}'"
        findings.append(node.key_fault("E204", message, "vary what changes a result"))
        return None
    return path


def _point(settings: Sequence[_Setting], name: str | None = None) -> Point:
    suffix = name or _suffix(settings)
    trees = [planted(item.path, item.value, item.key) for item in settings]
    paths = {item.path: item.key for item in settings}
    return Point(suffix=_shortened(suffix, LONGEST), tree=joined(trees), paths=paths)


def _suffix(settings: Sequence[_Setting]) -> str:
    words = _words(tuple(item.path for item in settings))
    parts = [f"{words[item.path]}-{_slug(item.value.plain())}" for item in settings]
    return "-".join(parts)


def _shortened(name: str, limit: int) -> str:
    """A name within a limit; of a longer one the end is replaced by a digest."""
    if len(name) <= limit:
        return name
    # A hyphen and 8 digits.
    start = name[: limit - 9].rstrip("-_")
    return f"{start}-{digest('point', name)[:8]}"


# All points of a grid have the same paths.
@lru_cache(maxsize=256)
def _words(paths: tuple[KeyPath, ...]) -> dict[KeyPath, str]:
    """The word for each path in a name: as few of its last keys as tell it from the others."""
    words = {}
    for path in paths:
        length = _distinct(path, paths)
        words[path] = re.sub(r"[^A-Za-z0-9_-]", "_", "_".join(path[-length:]))
    return words


def _distinct(path: KeyPath, paths: tuple[KeyPath, ...]) -> int:
    """How many of its last keys no other path shares."""
    others = [other for other in paths if other != path]
    for length in range(1, len(path)):
        if all(other[-length:] != path[-length:] for other in others):
            return length
    return len(path)


def _slug(value: Json) -> str:
    """A value as part of a name; of what a name cannot hold, the start and a digest."""
    if isinstance(value, dict):
        return _slug_of_mapping(value)
    if isinstance(value, list):
        return digest("value", value)[:6]
    text = value if isinstance(value, str) else json.dumps(value)
    slug = re.sub(r"[^A-Za-z0-9_-]", "_", text)
    # A dot alone may be written as "_": names with 0.5 and 1.5 stay readable.
    same = slug.replace("_", ".") == text.replace("_", ".")
    if same and len(slug) <= LONGEST_VALUE:
        return slug
    return f"{slug[:16]}-{digest('value', value)[:6]}"


def _slug_of_mapping(value: dict[str, Json]) -> str:
    """A mapping is called by its kind, and by a digest if it has other keys."""
    kind = value.get("kind")
    if not kind:
        return digest("value", value)[:6]
    if set(value) == {"kind"}:
        return str(kind)
    return f"{kind}-{digest('value', value)[:6]}"


def named(spec: str, point: Point) -> str:
    """The name of a point's experiment, short enough for a DVC stage."""
    name = f"{spec}-{point.suffix}"
    return _shortened(name, LONGEST_NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """An override that decides what the matrix varies.

    Attributes:
        path: the path that the matrix varies.
        reached: the path that the override sets: the same one, or a path above it.
        node: the override's value.
    """

    path: KeyPath
    reached: KeyPath
    node: Node

    def told(self, who: str) -> Diagnostic:
        """The finding: all points would be equal there."""
        varied, reached = show_path(self.path), show_path(self.reached)
        verb = "removes" if self.node.value is None else "replaces"
        deed = f"{verb} '{reached}' and so '{varied}'"
        if self.path == self.reached:
            deed = f"sets '{varied}'"
        message = f"{who} {deed}, which the matrix varies"
        effect = "the later setting wins, so the points of the matrix would not differ there"
        help = f"remove one of the two: {effect}"
        return self.node.key_fault("E208", message, help)


def clashes(point: Point, override: Node, below: Node, *, above_arms: bool = False) -> list[Clash]:
    """Where an override sets what a point varies, or replaces or removes a mapping that holds it.

    Args:
        point: the point.
        override: an arm, or the settings of the command line.
        below: the tree that it is merged into.
        above_arms: whether it also wins over values that a point varies in one arm.
    """
    clashing = []
    for path in point.paths:
        clash = _reached(path, override, below)
        # `--set loop.iterations=3` wins over `arms.NAME.loop.iterations` of a point as well.
        if clash is None and above_arms and path[0] == "arms" and len(path) > 2:
            inner = _reached(path[2:], override, below)
            clash = replace(inner, path=path) if inner else None
        if clash is not None:
            clashing.append(clash)
    return clashing


def _reached(path: KeyPath, override: Node, below: Node | None) -> Clash | None:
    """The clash of an override with one path; None if the value of the path survives it."""
    whole = override.find(*path)
    if whole is not None:
        return Clash(path=path, reached=path, node=whole)
    for length, step in enumerate(path, 1):
        above = override.find(step)
        if above is None:
            return None
        below = below.find(step) if below is not None else None
        override = above
        if _takes_all(step, override, below):
            return Clash(path=path, reached=path[:length], node=override)
    return None


def _takes_all(key: str, above: Node, below: Node | None) -> bool:
    """Whether an override keeps nothing of what is below it."""
    if not isinstance(above.value, dict):
        return True
    if below is None or not isinstance(below.value, dict):
        return False
    return is_choice(key, below.value, above.value) or replaces(below, above)
