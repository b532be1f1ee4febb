"""Text to YAML nodes, within bounds, without guessed types, and in C where that reads the same.

libyaml takes a quarter of the time of PyYAML's own parser, but does not read everything like it.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any, Final

import yaml
from yaml.composer import Composer
from yaml.resolver import BaseResolver

MAX_NODES: Final = 20_000
"""PyYAML takes 25 microseconds a node: half a second at most, for a file that may be read twice."""
MAX_DEPTH: Final = 64

_DISPUTED: Final = re.compile("[\t!\ufeff\x85\u2028\u2029]| \\Z|: *[],}]")
"""What libyaml and PyYAML's own parser do not always read alike, or not at the same place."""
_BRACKETS: Final = re.compile(r"[][{}?]")


class TooMuch(Exception):
    """A text with more nodes or levels than a spec may have."""

    def __init__(self, mark: yaml.Mark) -> None:
        self.mark = mark


def compose(text: str) -> yaml.Node | None:
    """The nodes of a text; None if it has none.

    Raises:
        TooMuch: it has more nodes or levels than a spec may have.
        yaml.YAMLError: it is not valid YAML, in the words of PyYAML's own parser.
        ValueError, RecursionError: PyYAML cannot cope with it.
    """
    if _FastLoader is not None and not _disputed(text):
        with suppress(yaml.YAMLError, ValueError):
            return yaml.compose(text, Loader=_FastLoader)
    return yaml.compose(text, Loader=_Loader)


def _disputed(text: str) -> bool:
    """Whether libyaml may read a text otherwise than PyYAML's own parser."""
    if _DISPUTED.search(text):
        return True
    depth = 0
    for sign in _BRACKETS.findall(text):
        # Among brackets a question mark is part of a word for the one and a sign for the other.
        if sign == "?" and depth:
            return True
        depth = max(depth + {"[": 1, "{": 1, "]": -1, "}": -1}.get(sign, 0), 0)
    return False


class _Bounded(Composer, BaseResolver):
    """Composes nodes within bounds. The tag of a node is the one that is written, or empty."""

    nodes = depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Counts on the way down, so that a bomb costs no more than a large spec."""
        self.nodes += 1
        self.depth += 1
        if self.nodes > MAX_NODES or self.depth > MAX_DEPTH + 1:
            raise TooMuch(self.peek_event().start_mark)  # type: ignore[attr-defined]
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        """Guesses no type: `scalars` has the rules of YAML 1.2."""
        return ""


def _over_libyaml() -> Any:
    """The same over the events of libyaml's parser; None where PyYAML was built without it."""
    if not yaml.__with_libyaml__:
        return None
    from yaml.cyaml import CParser  # type: ignore[attr-defined]

    class Fast(_Bounded, CParser):
        def __init__(self, stream: Any) -> None:
            CParser.__init__(self, stream)
            Composer.__init__(self)
            BaseResolver.__init__(self)

    return Fast


class _Loader(_Bounded, yaml.SafeLoader):
    """Over the events of PyYAML's own parser."""


_FastLoader = _over_libyaml()
