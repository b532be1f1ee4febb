"""A text as the hashes of its n-grams, runs of words: compared without anyone reading it."""

from __future__ import annotations

from typing import Final

from dataenvgym_spec.core.hashing import short_number

PUNCTUATION: Final = ".,;:!?\"'"
"""What does not count at the ends of a word."""


def ngrams(text: str, size: int) -> tuple[int, ...]:
    """Hashes of the distinct runs of `size` words of a text, sorted; of a shorter one the whole.

    Neither letter case, white space nor punctuation at the ends of words counts.

    Examples:
        >>> ngrams("What is 2 + 3?", 5) == ngrams("what is  2 + 3", 8)
        True
        >>> len(ngrams("What is 2 + 3?", 3))
        3
    """
    words = [word.strip(PUNCTUATION) or word for word in text.casefold().split()]
    if not words:
        return ()
    last = max(len(words) - size, 0)
    runs = {" ".join(words[start : start + size]) for start in range(last + 1)}
    return tuple(sorted(short_number("n-gram", run) for run in runs))
