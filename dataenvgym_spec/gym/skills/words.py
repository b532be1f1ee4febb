"""Texts as counts of their words: what tells clusters apart, and what names them."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

_TOKEN: Final = re.compile(r"[^\W\d_]+|\d+|[^\w\s]")
NUMBER: Final = "0"
"""Stands for every number."""
_COMMON_TEXT: Final = """
    a about after all also am an and any are as at be been before but by can could did do does
    each every find following for from get give given had has have he her his how if in into is it
    its just let like make many may me more most much must no not of on one only or other our out
    over she should so some such than that the their them then there these they this those to two
    up us use value was we were what when where which while who why will with would write you
    your"""
COMMON: Final = frozenset(_COMMON_TEXT.split())
"""Words that name nothing."""


def tokens(text: str) -> list[str]:
    """The words of a text in lower case, its signs, and one word for all numbers.

    >>> tokens("Add 12 and 3.")
    ['add', '0', 'and', '0', '.']
    """
    found = _TOKEN.findall(text.casefold())
    return [NUMBER if token.isdigit() else token for token in found]


def weights(texts: Sequence[str], *, most: int) -> dict[str, float]:
    """How much a word tells in some texts (idf), for those that most texts have.

    The weight of a word in `d` of `n` texts is log((1 + n) / (1 + d)) + 1.

    Args:
        texts: the texts.
        most: how many words there are at most.
    """
    found = Counter(word for text in texts for word in {*tokens(text)})
    # Of equally frequent words the first of the alphabet, so that nothing depends on the order.
    ranked = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:most]
    whole = 1 + len(texts)
    return {word: math.log(whole / (1 + count)) + 1 for word, count in sorted(ranked)}


def weighed(text: str, idf: Mapping[str, float]) -> dict[str, float]:
    """The words of a text with their weights (tf-idf), of length 1; empty without a known word."""
    counts = Counter(word for word in tokens(text) if word in idf)
    raw = {word: count * idf[word] for word, count in counts.items()}
    length = math.sqrt(sum(value * value for value in raw.values()))
    return {word: value / length for word, value in raw.items()} if length else {}


def characteristic(groups: Mapping[str, Iterable[str]], most: int) -> dict[str, list[str]]:
    """The words that tell each group of texts from the others, the most telling first.

    The weight of a word is its share of the group's words times log(1 + A / f), where A is the
    average number of words of a group and f how often the word occurs in all (c-TF-IDF,
    Grootendorst 2022).
    """
    counts = {}
    for name, texts in groups.items():
        counts[name] = Counter(word for text in texts for word in tokens(text) if _names(word))
    whole: Counter[str] = sum(counts.values(), Counter())
    average = whole.total() / max(1, len(counts))
    found = {}
    for name, mine in counts.items():
        total = max(1, mine.total())
        scores = {
            word: count / total * math.log(1 + average / whole[word])
            for word, count in mine.items()
        }
        ranked = sorted(scores, key=lambda word: (-scores[word], word))
        found[name] = ranked[:most]
    return found


def _names(word: str) -> bool:
    """Whether a word can name something."""
    return len(word) > 1 and word.isalpha() and word not in COMMON
