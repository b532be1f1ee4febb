"""Plain scalars by the YAML 1.2 core schema: which text is a number, a truth value or nothing.

PyYAML's own resolver follows YAML 1.1, where `1e-4` is a string, `no` is false and `017` is 15. See
https://yaml.org/spec/1.2.2/#103-core-schema. Positions and messages are made by the caller.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

Scalar = str | int | float | bool | None

LONGEST_NUMBER: Final = 40
"""Characters of a number; Python takes quadratic time to read a very long one."""

_NOT_FINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NUMBER: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def _number(text: str) -> float:
    # The sum makes 0.0 of -0.0, which are equal and would have two keys.
    return float(text) + 0.0


_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[[str], Scalar]], ...]] = (
    (re.compile(r"~|null|Null|NULL|"), lambda text: None),
    (re.compile(r"true|True|TRUE"), lambda text: True),
    (re.compile(r"false|False|FALSE"), lambda text: False),
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"0o[0-7]+"), lambda text: int(text[2:], 8)),
    (re.compile(r"0x[0-9a-fA-F]+"), lambda text: int(text[2:], 16)),
    (_NUMBER, _number),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a scalar cannot stand in a spec, and what to do."""

    message: str
    help: str


def is_text(text: str) -> bool:
    """Whether a plain scalar stands for itself: no number, no truth value and not nothing.

    >>> is_text("no"), is_text("1e-4")
    (True, False)
    """
    if _NOT_FINITE.fullmatch(text):
        return False
    return not any(form.fullmatch(text) for form, _ in _FORMS)


def resolve(text: str) -> tuple[Scalar, Refusal | None]:
    """The value of a plain scalar; with a refusal, a stand-in so that reading can go on.

    >>> resolve("1e-4")
    (0.0001, None)
    """
    if _NOT_FINITE.fullmatch(text):
        return text, _refused(f"'{text}' is not a finite number", "write a finite number")
    for form, convert in _FORMS:
        if form.fullmatch(text):
            return _converted(text, convert)
    return text, None


def _converted(text: str, convert: Callable[[str], Scalar]) -> tuple[Scalar, Refusal | None]:
    if len(text) > LONGEST_NUMBER:
        return text, _refused(f"the number '{text[:20]}...' is too long", "write a shorter number")
    value = convert(text)
    if isinstance(value, int) and abs(value) >= 2**63:
        return value, _refused("an integer beyond 64 bits", "write a smaller number")
    if isinstance(value, float) and math.isinf(value):
        return text, _refused(f"'{text}' is not a finite number", "write a smaller number")
    return value, None


def _refused(message: str, help: str) -> Refusal:
    return Refusal(message=message, help=help)
