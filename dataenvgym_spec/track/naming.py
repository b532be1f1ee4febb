"""Names and values in the form that MLflow accepts and a person can read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from dataenvgym_spec.core.errors import visible
from dataenvgym_spec.core.hashing import canonical, text_digest
from dataenvgym_spec.results.evidence.statistics import Estimate
from dataenvgym_spec.results.settings import at

LONGEST: Final = 500
"""Characters of a param that are kept. MLflow takes 6,000, but a table of runs is for reading."""
LONGEST_NAME: Final = 250
"""Characters of a param's name that MLflow takes."""
NOTE: Final = "mlflow.note.content"
"""The tag that MLflow shows as a description."""
RULE: Final = "| --- "
"""What stands below the head of a column of a table in Markdown."""


def slug(text: str) -> str:
    """A text as part of a metric's or param's name.

    A changed one keeps apart from its like by a digest.

    >>> slug("gcd"), slug("solve for x (hard)")
    ('gcd', 'solve for x _hard_-ad8b')
    """
    clean = re.sub(r"[^\w. -]", "_", text).strip(". ")[:80]
    # MLflow takes no empty one.
    return clean if clean and clean == text else f"{clean}-{text_digest(text)[:4]}"


def bounded(score: Estimate) -> Iterator[tuple[str, float]]:
    """A score and the ends of its interval, by how the names of their metrics end."""
    yield "", score.value
    yield "_low", score.low
    yield "_high", score.high


def in_order(tags: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Tags that people read first, then those for programs: MLflow shows them as they come.

    >>> in_order({"dataenvgym.keys": "a", "seed": "0", "arm": "b"})
    (('arm', 'b'), ('seed', '0'), ('dataenvgym.keys', 'a'))
    """
    return tuple(sorted(tags.items(), key=lambda pair: ("." in pair[0], pair[0])))


def numbered(number: int, most: int) -> str:
    """A number as part of a name, so that names sort as numbers do.

    >>> numbered(2, 9), numbered(2, 20)
    ('2', '02')
    """
    return f"{number:0{len(str(most))}}"


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    r"""The leaves of nested settings as params, in order of their names.

    >>> list(flatten({"loop": {"iterations": 4, "on": ["a"]}, "x": None}))
    [('loop.iterations', '4'), ('loop.on', '["a"]'), ('x', 'null')]
    >>> list(flatten({"prompt": "a\u202eb"}))
    [('prompt', 'a\\u202eb')]
    """
    if isinstance(value, dict) and value:
        for key in sorted(value):
            yield from flatten(value[key], f"{path}.{slug(str(key))}" if path else slug(str(key)))
        return
    text = value if isinstance(value, str) else canonical(value)
    # What would turn the text around it, or a database refuses (NUL), is shown by its number.
    lines = [visible(line, len(line)) for line in text.split("\n")]
    yield _bounded_name(path), shorten("\n".join(lines))


def _bounded_name(path: str) -> str:
    """A path as MLflow takes it; of a longer one the end is a digest."""
    if len(path) <= LONGEST_NAME:
        return path
    return f"{path[: LONGEST_NAME - 9]}-{text_digest(path)[:8]}"


def shorten(text: str) -> str:
    """A text cut to what a param shows; texts that differ only further on still differ.

    >>> len(shorten("a" * 1000)) <= LONGEST
    True
    """
    if len(text) <= LONGEST:
        return text
    mark = f"... ({len(text)} characters, {text_digest(text)[:8]})"
    return text[: LONGEST - len(mark)] + mark


def level_of(settings: Mapping[str, Any]) -> str:
    """The level of structure that an arm works in: the name of its environment."""
    kind = at(settings, "environment.kind")
    return str(at(settings, "environment") if kind is None else kind)
