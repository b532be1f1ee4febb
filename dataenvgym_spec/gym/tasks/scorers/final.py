r"""The final answer of a text, by one rule for targets and answers alike.

It is what follows the last `####` on its line, as GSM8K writes it; else what the last `\boxed` or
`\fbox` holds, as MATH writes it; else the whole text. A percent sign, a sign of a currency and a
degree sign are no part of it: `50` and `50\%` are one answer.
"""

from __future__ import annotations

import re
from typing import Final

MARK: Final = "####"
_BOX: Final = re.compile(r"\\f?box(?:ed)?\s*\{")
_DELIMITER: Final = re.compile(r"(?<!\\)\$|\\\(|\\\[")
_SIGN: Final = re.compile(r"\\?%|\\?\$|[€£]|\^\s*\{?\s*\\circ\s*\}?|°")
_TEXT: Final = re.compile(r"\\(?:text|mbox|textbf|textrm|mathrm|mathbf)\s*\{([^{}]*)\}")
_COMMAND: Final = re.compile(r"\\(?:begin|end)\s*\{[^{}]*\}|\\[A-Za-z]+")
_WORD: Final = re.compile(r"[A-Za-z]{3,}|[A-Za-z]{2,}\s+[A-Za-z\d]|[A-Za-z]:")
_FUNCTION: Final = re.compile(
    r"\b(?:a?(?:rc)?(?:sin|cos|tan)|cot|sec|csc|log|exp|sqrt|max|min|gcd|lcm|mod|det)\b"
)


def final(text: str) -> str | None:
    r"""The final answer that a text marks; None if it marks none.

    >>> final(r"so $\boxed{\frac{1}{2}}$ of them")
    '\\frac{1}{2}'
    >>> final("6 * 3 = 18\n#### 18 ")
    '18'
    """
    if MARK in text:
        line = text.rpartition(MARK)[2].strip().split("\n")[0]
        return line.strip()
    boxes = list(_BOX.finditer(text))
    return _held(text, boxes[-1].end()) if boxes else None


def _held(text: str, start: int) -> str | None:
    """What stands in braces that were opened before a place; None if they are never closed."""
    depth = 1
    for place in range(start, len(text)):
        character = text[place]
        if text[place - 1] == "\\":
            continue
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return text[start:place].strip()
    return None


def expression(text: str) -> str:
    r"""A text as math-verify reads it whole: its final answer, in a box.

    A text without a mark is boxed if it is an expression, and left as it is if it is a sentence or
    has delimiters of its own.

    >>> expression("2k + 2")
    '\\boxed{2k + 2}'
    >>> expression("It is 7.")
    'It is 7'
    """
    marked = final(text)
    answer = text.strip() if marked is None else marked
    if marked is None and _DELIMITER.search(answer):
        return text
    if _prose(answer):
        return answer.rstrip(".")  # math-verify reads `7.` as no number
    return f"\\boxed{{{_SIGN.sub('', answer).strip().rstrip('.')}}}"


def breaks_off(text: str) -> bool:
    """Whether a text that was cut short ends before it came to its answer.

    That is a sentence which marks none: the number that it happens to end with is not one.

    >>> breaks_off("First we add 12 and 3"), breaks_off("12 + 3 = 15"), breaks_off("so #### 15")
    (True, False, False)
    """
    return final(text) is None and _prose(text)


def words(text: str) -> str:
    r"""The final answer as plain words, for answers that are no expression; empty for others.

    >>> words(r"\boxed{\text{Even}}"), words("(even)."), words("1.5")
    ('even', 'even', '')
    """
    marked = final(text)
    plain = _TEXT.sub(r"\1", text if marked is None else marked)
    letters = re.sub(r"[\s$()\\.]+", "", plain).casefold()
    return letters if letters.isalpha() else ""


def _prose(text: str) -> bool:
    """Whether a text is words, and not an expression."""
    rest = _COMMAND.sub(" ", _TEXT.sub(" ", text))
    return _WORD.search(_FUNCTION.sub(" ", rest)) is not None
