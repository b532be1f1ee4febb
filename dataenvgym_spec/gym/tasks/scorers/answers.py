"""Short answers as benchmarks of visual questions compare them: normalised, then by equality.

The rules are those of the evaluation of VQA (Antol et al. 2015, visualqa.org/evaluation), whose
table of contractions is here one rule: an apostrophe does not count.
"""

from __future__ import annotations

import re
from typing import Final

NUMBERS: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
)  # fmt: skip
_DIGITS: Final = {**{word: str(value) for value, word in enumerate(NUMBERS)}, "none": "0"}
_ARTICLES: Final = frozenset({"a", "an", "the"})
_THOUSANDS: Final = re.compile(r"(?<=\d),(?=\d{3}\b)")
_APOSTROPHES: Final = re.compile(r"['\u2019`]")
_POINT: Final = re.compile(r"(?<!\d)\.|\.(?!\d)")
_PUNCTUATION: Final = re.compile(r"[^\w\s.]|_")


def normalised(text: str) -> str:
    """An answer without what does not count in it.

    That is letter case, punctuation (but for the point of a number), articles, and whether a number
    up to ten is written as a word.

    >>> normalised("The Two dogs.") == normalised("2 dogs")
    True
    >>> normalised("1,000"), normalised("3.5"), normalised("don't")
    ('1000', '3.5', 'dont')
    """
    text = _APOSTROPHES.sub("", _THOUSANDS.sub("", text.casefold()))
    words = _PUNCTUATION.sub(" ", _POINT.sub(" ", text)).split()
    kept = [_DIGITS.get(word, word) for word in words if word not in _ARTICLES]
    # An answer may be nothing but an article, such as the letter of an option.
    return " ".join(kept or words)
