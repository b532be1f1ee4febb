r"""What a final answer says: its values, their signs, units and numbers. Reads no library.

Which text is the final answer is the business of `final`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Final

NUMBER: Final = re.compile(
    r"(?<![\w.^_])[-+]?(?:\\?[$€£]\s?)?[-+]?"
    r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)?(?:(?<=\d)|(?=\.\d))(?:\.\d+)?"
    r"(?:\s?/\s?\d+(?:\.\d+)?)?(?:\s?\\?%)?"
)
"""A number in prose: with thousands, a sign of a currency, a fraction or percent."""
_THOUSANDS: Final = re.compile(r"(?<![\d.,])(\d{1,3}(?:,\d{3})+)(?![\d,])")
_THIN: Final = re.compile(r",\\!|\{,\}")
_SEPARATOR: Final = re.compile(
    r"[,;]?\s*(?:\\q?quad|\\ |~)*\s*\\(?:text|mbox|textrm|mathrm)\s*\{\s*,?\s*(?:and|or)\s*\}"
    r"|[,;]?\s*\b(?:and/or|and|or)\b|[,;](?!\\!)(?:\s|\\ |\\q?quad|~)*"
)
_OPEN: Final = frozenset("([{")
_CLOSED: Final = frozenset(")]}")
_DELIMITERS: Final = re.compile(r"(?<!\\)\$|\\\(|\\\)|\\\[(?!\d)|\\\]|\*\*")
# The second of two backslashes, which end a row of a matrix, begins no space.
_SPACES: Final = re.compile(r"(?<!\\)\\[,;:! ]|\\q?quad(?![A-Za-z])|~")
_DEGREE: Final = re.compile(r"\^\s*\{?\s*\\circ\s*\}?|°|\\degree")
_CURRENCY: Final = re.compile(r"\\\$|[$€£]|\b(?:USD|EUR|GBP|Rs\.?)(?=[\s\d])")
_PERCENT: Final = re.compile(r"\\?%|\bper\s?cent\b|\\(?:text|mbox)\{\s*per\s?cent\s*\}")
_TEXT: Final = re.compile(r"\\(?:text|mbox|textbf|textit|textrm|mathrm|mathbf)\s*\{([^{}]*)\}")
_POWER: Final = r"(?:\s*\^\s*\{?\s*[23]\s*\}?)?"
_UNIT: Final = re.compile(
    r"(?<=[\d})])\s*(?:\\(?:text|mbox|textrm|mathrm)\s*\{\s*(?P<set>[^{}]*[A-Za-z][^{}]*)\}"
    + _POWER
    + r"|(?:(?<=[\d}])|\s)(?P<bare>[A-Za-z]{2,}(?:[\s/]+[A-Za-z]+\.?)*)"
    + _POWER
    + r")\s*\.?\s*$"
)
_COMMAND: Final = re.compile(r"\\(?:begin|end)\s*\{[^{}]*\}|\\[A-Za-z]+")
_WORD: Final = re.compile(r"[A-Za-z]{3,}|[A-Za-z]{2,}(?:\s+[A-Za-z\d]|'[a-z])|[A-Za-z]:")
_FUNCTION: Final = re.compile(
    r"\b(?:a?(?:rc)?(?:sin|cos|tan)|cot|sec|csc|log|ln|exp|sqrt|max|min|gcd|lcm|mod|det|pi)\b"
)
_DECIMAL: Final = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)")
_RATIO: Final = re.compile(r"([-+]?)(?:\\[dt]?frac)?\{?(\d+)\}?/?\{?(\d+)\}?")
_DIGITS: Final = 400
"""Numbers with more digits are nobody's answer, and slow to read."""


def values(answer: str) -> tuple[str, ...]:
    r"""The values that a final answer lists.

    Commas and words between values separate them, but not what is in brackets, and not thousands.

    >>> values(r"4 \text{ or } 5"), values("x = 3, x = -1"), values("(1, 2)"), values("1,200")
    (('4', '5'), ('x = 3', 'x = -1'), ('(1, 2)',), ('1200',))
    """
    plain = _THOUSANDS.sub(_joined, _THIN.sub(_thin, _DELIMITERS.sub("", answer)))
    return tuple(part for part in map(_trimmed, _parts(plain)) if part)


def _joined(found: re.Match[str]) -> str:
    return found[0].replace(",", "")


def _thin(found: re.Match[str]) -> str:
    """A comma between thousands as TeX writers set it."""
    return ","


def _trimmed(text: str) -> str:
    return text.strip().strip(",;").strip()


def _parts(text: str) -> Iterator[str]:
    """What stands between the separators that are in no brackets."""
    if not _SEPARATOR.search(text):
        yield text
        return
    depth = begun = place = 0
    while place < len(text):
        character = text[place]
        found = _SEPARATOR.match(text, place) if depth == 0 else None
        if found and found.end() > place:
            yield text[begun:place]
            begun = place = found.end()
            continue
        # An interval may open with one kind of bracket and close with another.
        depth = max(0, depth + (character in _OPEN) - (character in _CLOSED))
        place += 1
    yield text[begun:]


def prose(text: str) -> bool:
    """Whether a text is words, and not an expression.

    >>> prose("It is 7."), prose("sin x"), prose("2k + 2")
    (True, False, False)
    """
    rest = _COMMAND.sub(" ", _TEXT.sub(" ", text))
    return _WORD.search(_FUNCTION.sub(" ", rest)) is not None


def words(value: str) -> str:
    r"""A value that is words, without what does not count of them; empty for others.

    >>> words(r"\text{Even}"), words("(C)."), words("1.5")
    ('even', 'c', '')
    """
    letters = re.sub(r"[\s$()\\.]+", "", _TEXT.sub(r"\1", value)).casefold()
    return letters if letters.isalpha() else ""


def unit(value: str) -> str:
    r"""The unit behind a value, as letters; empty without one.

    >>> unit(r"5 \text{ cm}^2"), unit("18 dollars"), unit("2k"), unit(r"3 \log 2")
    ('cm', 'dollars', '', '')
    """
    found = _UNIT.search(value.strip())
    if found is None or _FUNCTION.search(found[0]):
        return ""
    return re.sub(r"[^a-z/]+", "", (found["set"] or found["bare"]).casefold())


def percent(value: str) -> bool:
    """Whether a value is said in percent."""
    return _PERCENT.search(value) is not None


def bare(value: str) -> str:
    r"""A value without unit, currency, percent and degree signs, and without its full stop.

    >>> bare(r"\$1.50"), bare(r"90^\circ"), bare(r"18 \text{ dollars}."), bare(r"50\%")
    ('1.50', '90', '18', '50')
    >>> bare(r"2\ \pi"), bare(r"1 \\ 2")
    ('2 \\pi', '1 \\\\ 2')
    """
    text = value.strip().rstrip(".").strip()
    for sign in (_PERCENT, _DEGREE, _CURRENCY):
        text = sign.sub("", text)
    text = text.strip().rstrip(".").strip()
    found = _UNIT.search(text)
    if found and not _FUNCTION.search(found[0]):
        text = text[: found.start()]
    return _SPACES.sub(" ", text).strip()


def number(value: str) -> Fraction | None:
    r"""The number that a bare value is, exactly; None if it is no decimal or simple fraction.

    >>> number("-1.50"), number(r"\frac{1}{2}"), number("3/4"), number("2k")
    (Fraction(-3, 2), Fraction(1, 2), Fraction(3, 4), None)
    """
    text = re.sub(r"\s+", "", value)
    if len(text) > _DIGITS:
        return None
    if _DECIMAL.fullmatch(text):
        return Fraction(text)
    return _ratio(text)


def _ratio(text: str) -> Fraction | None:
    found = _RATIO.fullmatch(text)
    if found is None or not ("/" in text or text.lstrip("-+").startswith("\\")):
        return None
    # `\frac12` is a half, and `\frac{1}{2}`; `\frac123` is nothing that anybody means.
    if "/" not in text and "{" not in text and len(found[2] + found[3]) != 2:
        return None
    sign = -1 if found[1] == "-" else 1
    return sign * Fraction(int(found[2]), int(found[3])) if int(found[3]) else None


def decimals(value: str) -> int:
    """How many decimals a bare value is written with."""
    return len(value.partition(".")[2]) if _DECIMAL.fullmatch(value) else 0
