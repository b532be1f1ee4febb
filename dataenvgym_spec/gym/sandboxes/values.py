"""Values of Python as JSON: what passes between a program and whoever tests it.

Nothing is executed to read a value, and what is read is plain: whatever a program's class says of
itself (that it equals everything, say) stays behind. A value of any other type is opaque: it can
be handed back to the program that made it, and equals nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

DEEPEST: Final = 100
"""How deeply values may be nested."""
_LARGE: Final = 1 << 53


class UnfitError(ValueError):
    """A value that cannot be passed on, or that is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Opaque:
    """A value that stays with the program that made it.

    Attributes:
        number: which of them.
        type: the name of its type.
    """

    number: int
    type: str


Keep = Callable[[Any], Opaque]
"""Keeps a value that cannot be passed on."""


def encoded(value: Any, keep: Keep | None = None, depth: int = DEEPEST) -> Any:
    """A value as JSON.

    A value of a subclass is one of its base: a `Counter` is a dictionary, a named tuple a tuple.

    Raises:
        UnfitError: it is nested too deeply, or of a type that nobody keeps.
    """
    if value is None or isinstance(value, bool):
        return value
    if depth == 0:
        raise UnfitError("a value that is nested too deeply")
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        number = int.__int__(value)
        # The readers of JSON refuse numbers of thousands of digits.
        return number if abs(number) < _LARGE else {"int": hex(number)}
    if isinstance(value, float):
        real = float.__float__(value)
        return real if math.isfinite(real) else {"float": repr(real)}
    if isinstance(value, Opaque):
        return {"opaque": [value.number, value.type]}
    tag = next((tag for base, tag in _TAGS.items() if isinstance(value, base)), None)
    if tag is not None:
        return {tag: _WRITERS[tag](value)}
    return _collection(value, keep, depth - 1)


def _collection(value: Any, keep: Keep | None, depth: int) -> Any:
    if isinstance(value, list):
        return _each(list.__iter__(value), keep, depth)
    if isinstance(value, tuple):
        return {"tuple": _each(tuple.__iter__(value), keep, depth)}
    if isinstance(value, dict):
        pairs = dict.items(value)
        return {"dict": [_each(pair, keep, depth) for pair in pairs]}
    if isinstance(value, set):
        return {"set": _each(set.__iter__(value), keep, depth)}
    if isinstance(value, frozenset):
        return {"frozenset": _each(frozenset.__iter__(value), keep, depth)}
    if keep is None:
        raise UnfitError(f"a value of the type {type(value).__name__}")
    return encoded(keep(value))


def _each(values: Iterable[Any], keep: Keep | None, depth: int) -> list[Any]:
    return [encoded(value, keep, depth) for value in values]


def decoded(content: Any, kept: Mapping[int, Any] | None = None, depth: int = DEEPEST) -> Any:
    """The value that JSON stands for.

    Args:
        content: as `encoded` gives it, or anything else.
        kept: what opaque values stand for, where they are at home.
        depth: how deeply it may be nested.

    Raises:
        UnfitError: it stands for none.
    """
    if content is None or isinstance(content, bool | str | int | float):
        return content
    if depth == 0:
        raise UnfitError("a value that is nested too deeply")
    if isinstance(content, list):
        return [decoded(one, kept, depth - 1) for one in content]
    try:
        ((tag, inner),) = content.items()
        if tag == "dict":
            pairs = [(decoded(k, kept, depth - 1), decoded(v, kept, depth - 1)) for k, v in inner]
            return dict(pairs)
        if tag in _COLLECTIONS:
            return _COLLECTIONS[tag](decoded(one, kept, depth - 1) for one in inner)
        if tag == "opaque":
            opaque = Opaque(int(inner[0]), str(inner[1]))
            return opaque if kept is None else kept[opaque.number]
        return _READERS[tag](inner)
    except UnfitError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, LookupError) as error:
        raise UnfitError("it is no value") from error


_COLLECTIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
}
_TAGS: Final[dict[Any, str]] = {
    complex: "complex",
    bytes: "bytes",
    bytearray: "bytes",
    range: "range",
    Fraction: "fraction",
    Decimal: "decimal",
}
_WRITERS: Final[dict[str, Callable[[Any], Any]]] = {
    "complex": lambda value: [repr(value.real), repr(value.imag)],
    "bytes": lambda value: value.hex(),
    "range": lambda value: [value.start, value.stop, value.step],
    "fraction": str,
    "decimal": str,
}
_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "int": lambda text: int(text, 16),
    "float": float,
    "complex": lambda parts: complex(float(parts[0]), float(parts[1])),
    "bytes": bytes.fromhex,
    "range": lambda ends: range(*ends),
    "fraction": Fraction,
    "decimal": Decimal,
}
