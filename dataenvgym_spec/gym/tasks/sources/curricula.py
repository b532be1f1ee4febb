"""Harder and easier configurations of a reasoning-gym data set, by the library's own curricula.

Not a source itself. A curriculum has attributes (how many digits, how large a grid), and levels of
each from easy to hard. A variant changes one attribute of a configuration and leaves the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, pairwise, zip_longest
from typing import Any

from dataenvgym_spec.gym.tasks.library import reasoning_gym
from dataenvgym_spec.gym.tasks.sources.families import AS_SET

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A configuration that is harder or easier in one attribute.

    Attributes:
        name: what tells it from others, readable.
        change: the options that differ.
    """

    name: str
    change: dict[str, Any]


def variants(dataset: str, config: Config) -> list[Variant]:
    """The variants of a configuration: itself, then the nearest ones of each attribute.

    There is only itself where the library has no curriculum for the data set, or where an attribute
    of it stands at no level and between no two.
    """
    ways = [way for way in _ways(dataset, config) if way]
    steps = chain.from_iterable(zip_longest(*ways))
    found = {AS_SET: Variant(name=AS_SET, change={})}
    for variant in steps:
        if variant is not None:
            found.setdefault(variant.name, variant)
    return list(found.values())


def _ways(dataset: str, config: Config) -> Iterator[list[Variant]]:
    """For each attribute the harder variants, and the easier ones, the nearest first."""
    if not reasoning_gym.factory.has_curriculum(dataset):
        return
    curriculum = reasoning_gym.factory.create_curriculum(dataset)
    whole = _whole(dataset, config)
    for name, attribute in curriculum.attributes.items():
        fields = _fields(attribute)
        standing = [whole.get(field) for field in fields]
        yield from _moves(name, attribute, fields, standing)


def _whole(dataset: str, config: Config) -> dict[str, Any]:
    """A configuration with the library's defaults."""
    _, config_type = reasoning_gym.factory.DATASETS[dataset]
    made = config_type(**config)
    return {field: getattr(made, field) for field in made.__dataclass_fields__}


def _fields(attribute: Any) -> tuple[str, ...]:
    """The options that an attribute sets: the ends of a range, or one."""
    if hasattr(attribute, "field_name"):
        return (attribute.field_name,)
    return (attribute.lower_field_name, attribute.upper_field_name)


def _moves(
    name: str, attribute: Any, fields: tuple[str, ...], standing: list[Any]
) -> tuple[list[Variant], list[Variant]]:
    """The harder and the easier variants in one attribute."""
    levels = attribute.levels
    ranged = getattr(attribute, "ensure_interval", False)
    bounds = _bounds(levels, standing)
    if bounds is None:
        return [], []
    below, above = bounds
    harder, easier = [], []
    # A range goes on where the one before it ends; what is no range is at a level.
    ends = [standing[-1], *levels[above:]]
    for low, high in pairwise(ends):
        values = (low, high) if ranged else (high,) * len(fields)
        harder.append(_variant("harder", name, fields, values))
    ends = [standing[0], *reversed(levels[:below])]
    for high, low in pairwise(ends):
        values = (low, high) if ranged else (low,) * len(fields)
        easier.append(_variant("easier", name, fields, values))
    return harder, easier


def _bounds(levels: list[Any], standing: list[Any]) -> tuple[int, int] | None:
    """How many levels are easier than a configuration, and from which on they are harder.

    >>> _bounds([10, 100, 1000], [20, 100])
    (1, 2)
    """
    low, high = standing[0], standing[-1]
    if low in levels and high in levels:
        return levels.index(low), levels.index(high) + 1
    numbers = [value for value in (*levels, low, high) if isinstance(value, int | float)]
    if len(numbers) != len(levels) + 2 or levels != sorted(levels):
        return None
    below = sum(level < low for level in levels)
    return below, sum(level <= high for level in levels)


def _variant(way: str, name: str, fields: tuple[str, ...], values: tuple[Any, ...]) -> Variant:
    """A variant with its name, such as `harder: num_terms 4` or `easier: value 10 to 100`."""
    ends = dict.fromkeys(map(str, values))
    change = dict(zip(fields, values, strict=True))
    return Variant(name=f"{way}: {name} {' to '.join(ends)}", change=change)
