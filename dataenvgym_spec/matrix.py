"""The points of a `matrix`: a grid of values by path, or a list of points. Each point is an experiment of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod
from typing import Final

from dataenvgym_spec.errors import Diagnostic, Span, SpecError
from dataenvgym_spec.hashing import digest
from dataenvgym_spec.merge import Path, joined, parse_path, planted, show_path
from dataenvgym_spec.source import Json, Node

MAX_POINTS: Final = 10_000
MAX_PATHS: Final = 100
LONGEST: Final = 60
LONGEST_NAME: Final = 64
RESERVED: Final = frozenset({"version", "name", "extends", "matrix", "$schema"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point: what it is called, what it sets, and where each of its paths was written."""

    suffix: str
    tree: Node
    paths: dict[Path, Span]

    @property
    def name(self) -> str:
        """The layer's name in an explanation."""
        return f"matrix {self.suffix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    path: Path
    value: Node
    key: Span


def expand(node: Node) -> tuple[Point, ...]:
    """The points of a matrix that fits the schema, in the order they are written; the last path of a grid varies fastest.

    Raises:
        SpecError: a path is no path or may not vary, the product is larger than `MAX_POINTS`, a point is empty, or two points
            have one name.
    """
    found: list[Diagnostic] = []
    points = tuple(_grid(node, node.value, found) if isinstance(node.value, dict) else _list(node, found))
    seen: set[str] = set()
    for point in points:
        if point.suffix in seen:
            found.append(point.tree.fault("E208", f"two points of the matrix are called '{point.suffix}'", "remove one, or give them a 'name' each"))
        seen.add(point.suffix)
    if found:
        raise SpecError(found)
    return points


def _grid(node: Node, axes: dict[str, Node], found: list[Diagnostic]) -> Iterator[Point]:
    lists = []
    if len(axes) > MAX_PATHS:
        return found.append(_too_many(node))
    for name, values in axes.items():
        path = _path(name, values, found)
        if path is not None:
            lists.append([_Setting(path=path, value=value, key=values.key or values.span) for value in _items(values)])
    count = prod(len(values) for values in lists)
    if count > MAX_POINTS:
        message = f"the matrix has {count} points, more than {MAX_POINTS}"
        found.append(node.fault("E206", message, "vary fewer values, or split the sweep into several specs"))
    elif lists:
        yield from (_point(chosen) for chosen in product(*lists))


def _list(node: Node, found: list[Diagnostic]) -> Iterator[Point]:
    for item in _items(node):
        assert isinstance(item.value, dict)
        settings = []
        if len(item.value) > MAX_PATHS:
            return found.append(_too_many(item))
        for name, value in item.value.items():
            path = _path(name, value, found) if name != "name" else None
            if path is not None:
                settings.append(_Setting(path=path, value=value, key=value.key or value.span))
        if settings:
            yield _point(settings, str(item.value["name"].value) if "name" in item.value else None)
        elif not found:
            found.append(item.fault("E206", "a point of the matrix sets nothing", "set at least one path, or remove the point"))


def _too_many(node: Node) -> Diagnostic:
    return node.fault("E206", f"the matrix varies more than {MAX_PATHS} paths at once", "vary fewer, or move what varies together into files to extend")


def _items(node: Node) -> tuple[Node, ...]:
    assert isinstance(node.value, tuple)
    return node.value


def _path(name: str, node: Node, found: list[Diagnostic]) -> Path | None:
    path = parse_path(name)
    if path is None:
        found.append(node.key_fault("E106", f"'{name[:60]}' is no path", "write keys with dots between them, as in student.train.learning_rate"))
    elif path[0] in RESERVED:
        found.append(node.key_fault("E204", f"a matrix cannot vary '{path[0]}'", "vary what changes a result"))
        return None
    return path


def _point(settings: Sequence[_Setting], name: str | None = None) -> Point:
    words = _words(tuple(item.path for item in settings))
    suffix = name or "-".join(f"{words[item.path]}-{_slug(item.value.plain())}" for item in settings)
    if len(suffix) > LONGEST:
        suffix = f"{suffix[: LONGEST - 9].rstrip('-_')}-{digest('point', suffix)[:8]}"
    trees = [planted(item.path, item.value, item.key) for item in settings]
    return Point(suffix=suffix, tree=joined(trees), paths={item.path: item.key for item in settings})


@lru_cache(maxsize=256)
def _words(paths: tuple[Path, ...]) -> dict[Path, str]:
    """What each path is called in a name: as few of its last keys as tell it from the others."""
    out = {}
    for path in paths:
        others = [other for other in paths if other != path]
        length = next((n for n in range(1, len(path)) if all(other[-n:] != path[-n:] for other in others)), len(path))
        out[path] = re.sub(r"[^A-Za-z0-9_-]", "_", "_".join(path[-length:]))
    return out


def _slug(value: Json) -> str:
    """A value as part of a name; a mapping is called by its kind, and what else it says by a digest."""
    if isinstance(value, dict | list):
        kind = value.get("kind") if isinstance(value, dict) else None
        alone = isinstance(value, dict) and set(value) == {"kind"}
        return str(kind) if kind and alone else f"{kind}-{digest('value', value)[:6]}" if kind else digest("value", value)[:6]
    text = value if isinstance(value, str) else json.dumps(value)
    slug = re.sub(r"[^A-Za-z0-9_-]", "_", text)
    return slug if len(slug) <= 24 and slug.replace("_", ".") == text.replace("_", ".") else f"{slug[:16]}-{digest('value', value)[:6]}"


def named(spec: str, point: Point) -> str:
    """What the experiment of a point is called; a DVC stage's name has an end."""
    whole = f"{spec}-{point.suffix}"
    return whole if len(whole) <= LONGEST_NAME else f"{whole[: LONGEST_NAME - 9].rstrip('-_')}-{digest('point', whole)[:8]}"


def clashes(point: Point, override: Node) -> list[tuple[Path, Node]]:
    """The paths of a point that an override sets as well, with the place in the override."""
    return [(path, node) for path in point.paths if (node := override.find(*path)) is not None]


def clash(path: Path, node: Node, who: str) -> Diagnostic:
    """What is said where an arm or the command line sets what the matrix varies: all points would be equal there."""
    return Diagnostic(
        code="E208",
        message=f"{who} sets '{show_path(path)}', which the matrix varies",
        span=node.key or node.span,
        help="remove one of the two: the later setting would make all points of the matrix equal",
    )
