r"""LaTeX written in one way of several that mean the same, for scorers that compare texts.

Not a reader of mathematics: `\frac{1}{2}` and `0.5` stay two texts.
"""

from __future__ import annotations

import re
from typing import Final

_SIZES: Final = re.compile(r"\\(?:left|right|[bB]igg?[lrm]?)(?![A-Za-z])\.?")
# The second of two backslashes, which end a row of a matrix, begins no space.
_SPACES: Final = re.compile(r"(?<!\\)\\[,;:! ]|\\q?quad(?![A-Za-z])|~|\s+")
_FRACTION: Final = re.compile(r"\\[dtc]frac(?![A-Za-z])")
_SQUARE: Final = re.compile(r"\\sqrt\s*([A-Za-z\d])")
_SIGNS: Final = "alpha|beta|gamma|delta|theta|lambda|mu|pi|rho|sigma|tau|phi|omega"
_PART: Final = rf"(\{{(?:[^{{}}]|\{{[^{{}}]*\}})*\}}|\\(?:{_SIGNS})(?![A-Za-z])|[A-Za-z\d])"
_PARTS: Final = re.compile(rf"\\([dtc]?frac)(?![A-Za-z])\s*{_PART}\s*{_PART}")
_SLASH: Final = re.compile(r"(-?)(\d+)/(\d+)")
_WRAPPED: Final = re.compile(r"\\(?:text|mbox|textbf|textit|textrm|mathrm|mathbf|overline)\{")
_POINT: Final = re.compile(r"(?<![\d.])\.(?=\d)")
_ZEROS: Final = re.compile(r"(\d+)\.0+(?!\d)")


def tidy(latex: str) -> str:
    r"""A formula without what only its looks differ by.

    >>> tidy(r"\left( \dfrac12, .5 \right)"), tidy("1/2"), tidy(r"\text{Even}"), tidy(r"\sqrt2")
    ('(\\frac{1}{2},0.5)', '\\frac{1}{2}', 'Even', '\\sqrt{2}')
    """
    text = _SPACES.sub(" ", _SIZES.sub("", latex)).strip()
    text = unwrapped(_FRACTION.sub(r"\\frac", text))
    text = braced(_SQUARE.sub(r"\\sqrt{\1}", text))
    text = _POINT.sub("0.", text).replace(" ", "")
    text = _ZEROS.sub(r"\1", text)
    slash = _SLASH.fullmatch(text)
    return rf"{slash[1]}\frac{{{slash[2]}}}{{{slash[3]}}}" if slash else text


def braced(latex: str) -> str:
    r"""A formula with braces round both parts of each fraction, which may be signs such as pi.

    >>> braced(r"\frac\pi4 + \frac{1}\theta")
    '\\frac{\\pi}{4} + \\frac{1}{\\theta}'
    """
    return _PARTS.sub(_braced, latex)


def _braced(found: re.Match[str]) -> str:
    over, under = (part if part.startswith("{") else f"{{{part}}}" for part in found.groups()[1:])
    return rf"\{found[1]}{over}{under}"


def unwrapped(text: str) -> str:
    r"""A text without the commands that only say how letters look.

    >>> unwrapped(r"\text{5 \textbf{cm}}")
    '5 cm'
    """
    found = _WRAPPED.search(text)
    while found:
        end = _end(text, found.end())
        text = text[: found.start()] + text[found.end() : end] + text[end + 1 :]
        found = _WRAPPED.search(text)
    return text


def _end(text: str, start: int) -> int:
    """Where braces end that were opened before a place."""
    depth = 1
    for place in range(start, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if depth == 0:
            return place
    return len(text)
