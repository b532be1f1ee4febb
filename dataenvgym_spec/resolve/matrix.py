"""The points of a `matrix`: a grid of values by path, or a list of points. Each point is an experiment of its own."""

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
    Path,
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
    points = tuple(
        _grid(node, node.value, found) if isinstance(node.value, dict) else _list(node, found)
    )
    seen: set[str] = set()
    for point in points:
        if point.suffix in seen:
            found.append(
                point.tree.fault(
                    "E208",
                    f"two points of the matrix are called '{point.suffix}'",
                    "remove one, or give them a 'name' each",
                )
            )
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
            lists.append(
                [
                    _Setting(path=path, value=value, key=values.key or values.span)
                    for value in _items(values)
                ]
            )
    count = prod(len(values) for values in lists)
    if count > MAX_POINTS:
        message = f"the matrix has {count} points, more than {MAX_POINTS}"
        found.append(
            node.fault("E206", message, "vary fewer values, or split the sweep into several specs")
        )
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
            found.append(
                item.fault(
                    "E206",
                    "a point of the matrix sets nothing",
                    "set at least one path, or remove the point",
                )
            )


def _too_many(node: Node) -> Diagnostic:
    return node.fault(
        "E206",
        f"the matrix varies more than {MAX_PATHS} paths at once",
        "vary fewer, or move what varies together into files to extend",
    )


def _items(node: Node) -> tuple[Node, ...]:
    assert isinstance(node.value, tuple)
    return node.value


def _path(name: str, node: Node, found: list[Diagnostic]) -> Path | None:
    path = parse_path(name)
    if path is None:
        found.append(
            node.key_fault(
                "E106",
                f"'{name[:60]}' is no path",
                "write keys with dots between them, as in student.train.learning_rate",
            )
        )
    elif path[0] in RESERVED:
        found.append(
            node.key_fault(
                "E204", f"a matrix cannot vary '{path[0]}'", "vary what changes a result"
            )
        )
        return None
    return path


def _point(settings: Sequence[_Setting], name: str | None = None) -> Point:
    words = _words(tuple(item.path for item in settings))
    suffix = name or "-".join(
        f"{words[item.path]}-{_slug(item.value.plain())}" for item in settings
    )
    if len(suffix) > LONGEST:
        suffix = f"{suffix[: LONGEST - 9].rstrip('-_')}-{digest('point', suffix)[:8]}"
    trees = [planted(item.path, item.value, item.key) for item in settings]
    return Point(
        suffix=suffix, tree=joined(trees), paths={item.path: item.key for item in settings}
    )


@lru_cache(maxsize=256)
def _words(paths: tuple[Path, ...]) -> dict[Path, str]:
    """What each path is called in a name: as few of its last keys as tell it from the others."""
    out = {}
    for path in paths:
        others = [other for other in paths if other != path]
        length = next(
            (n for n in range(1, len(path)) if all(other[-n:] != path[-n:] for other in others)),
            len(path),
        )
        out[path] = re.sub(r"[^A-Za-z0-9_-]", "_", "_".join(path[-length:]))
    return out


def _slug(value: Json) -> str:
    """A value as part of a name; a mapping is called by its kind, and what else it says by a digest."""
    if isinstance(value, dict | list):
        kind = value.get("kind") if isinstance(value, dict) else None
        alone = isinstance(value, dict) and set(value) == {"kind"}
        return (
            str(kind)
            if kind and alone
            else f"{kind}-{digest('value', value)[:6]}"
            if kind
            else digest("value", value)[:6]
        )
    text = value if isinstance(value, str) else json.dumps(value)
    slug = re.sub(r"[^A-Za-z0-9_-]", "_", text)
    return (
        slug
        if len(slug) <= 24 and slug.replace("_", ".") == text.replace("_", ".")
        else f"{slug[:16]}-{digest('value', value)[:6]}"
    )


def named(spec: str, point: Point) -> str:
    """What the experiment of a point is called; a DVC stage's name has an end."""
    whole = f"{spec}-{point.suffix}"
    return (
        whole
        if len(whole) <= LONGEST_NAME
        else f"{whole[: LONGEST_NAME - 9].rstrip('-_')}-{digest('point', whole)[:8]}"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """Where an override decides what the matrix varies.

    Attributes:
        path: what the matrix varies.
        reached: what the override says: the same, or what holds it.
        node: the override's value.
    """

    path: Path
    reached: Path
    node: Node

    def told(self, who: str) -> Diagnostic:
        """What is said about it: all points would be equal there."""
        varied, reached = show_path(self.path), show_path(self.reached)
        does = "removes" if self.node.value is None else "replaces"
        what = (
            f"sets '{varied}'"
            if self.path == self.reached
            else f"{does} '{reached}' and so '{varied}'"
        )
        return Diagnostic(
            code="E208",
            message=f"{who} {what}, which the matrix varies",
            span=self.node.key or self.node.span,
            help="remove one of the two: the later setting would make all points of the matrix equal",
        )


def clashes(point: Point, override: Node, below: Node, *, above_arms: bool = False) -> list[Clash]:
    """Where an override sets what a point varies, or replaces or removes what holds it.

    Args:
        point: the point.
        override: an arm, or the settings of the command line.
        below: the tree that it is merged into.
        above_arms: whether it wins over what a point varies in one arm, too.
    """
    found = []
    for path in point.paths:
        clash = _reached(path, override, below)
        if clash is None and above_arms and path[0] == "arms" and len(path) > 2:
            inner = _reached(path[2:], override, below)
            clash = replace(inner, path=path) if inner else None
        found += [clash] if clash else []
    return found


def _reached(path: Path, override: Node, below: Node | None) -> Clash | None:
    whole = override.find(*path)
    if whole is not None:
        return Clash(path=path, reached=path, node=whole)
    for length, step in enumerate(path, 1):
        above = override.find(step)
        if above is None:
            return None
        override, below = above, below.find(step) if below is not None else None
        if (
            not isinstance(override.value, dict)
            or (below is not None and is_choice(step, below.value, override.value))
            or _other_kind(override, below)
        ):
            return Clash(path=path, reached=path[:length], node=override)
    return None


def _other_kind(above: Node, below: Node | None) -> bool:
    return (
        below is not None
        and isinstance(above.value, dict)
        and isinstance(below.value, dict)
        and replaces(below.value, above.value)
    )
