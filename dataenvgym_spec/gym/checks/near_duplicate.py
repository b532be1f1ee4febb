"""Is the example nearly the same as one that was accepted before?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rensa import RMinHash

from dataenvgym_spec.gym.checks.bands import Bands
from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.records.examples import Example

HASHES: Final = 128
"""Of a question: the similarity of two is known within 0.04, one standard deviation at most."""
SEED: Final = 1
LEAST_FOUND: Final = 0.95
"""The share of questions at the threshold that the index has to find."""


class NearDuplicate:
    """Objects to an example whose question shares most runs of words with an accepted one.

    The similarity is that of Jaccard, estimated by MinHash (Broder 1997); candidates for it are
    found by locality-sensitive hashing, so that a million examples take minutes.
    """

    def __init__(self, *, threshold: float, shingle: int) -> None:
        self.threshold, self.shingle = threshold, shingle
        self._index = Bands(hashes=HASHES, bands=bands(threshold))
        self._ids: list[str] = []
        self._last: tuple[str, list[int]] | None = None

    def objections(self, examples: Sequence[Example], sight: Sight) -> list[str | None]:
        """Why each candidate should not be taught, or None."""
        return [self._objection(example, sight) for example in examples]

    def _objection(self, example: Example, sight: Sight) -> str | None:
        self._learn(sight)
        hashed = self._hashed(example.input)
        self._last = (example.id, hashed)
        near, similarity = self._nearest(hashed)
        if near is None:
            return None
        return f"{similarity:.0%} like the question of {near}, which was accepted before"

    def _learn(self, sight: Sight) -> None:
        """Takes in what was accepted: at first all earlier ones, then the last candidate."""
        if self._last is None:
            for id, question in sight.accepted.items():
                self._add(id, self._hashed(question))
        elif self._last[0] in sight.accepted:
            self._add(*self._last)

    def _add(self, id: str, hashed: list[int]) -> None:
        self._index.add(hashed)
        self._ids.append(id)

    def _nearest(self, hashed: list[int]) -> tuple[str | None, float]:
        """The accepted example that is most like it, the first of several, if one is enough so."""
        numbers, similarities = self._index.near(hashed)
        if not numbers.size or similarities.max() < self.threshold:
            return None, self.threshold
        best = similarities.argmax()
        return self._ids[numbers[best]], float(similarities[best])

    def _hashed(self, question: str) -> list[int]:
        hashed = RMinHash(HASHES, SEED)
        hashed.update(runs(question, self.shingle))
        digest: list[int] = hashed.digest()
        return digest


def runs(text: str, shingle: int) -> list[str]:
    """The runs of words of a text, in lower case; of a shorter one the whole.

    >>> runs("What is  2 + 3?", 3)
    ['what is 2', 'is 2 +', '2 + 3?']
    >>> runs("Why?", 3)
    ['why?']
    """
    found = text.lower().split()
    last = max(len(found) - shingle, 0)
    return [" ".join(found[start : start + shingle]) for start in range(last + 1)]


def bands(threshold: float) -> int:
    """Into how many bands the hashes are cut: the fewest that find what is at the threshold.

    Of `b` bands of `r` rows two questions of similarity `s` share one with the probability
    1 - (1 - s^r)^b (Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, 3.4.2).

    >>> bands(0.8), bands(0.5)
    (32, 64)
    """
    for count in (1, 2, 4, 8, 16, 32, 64):
        rows = HASHES // count
        if 1 - (1 - threshold**rows) ** count >= LEAST_FOUND:
            return count
    return HASHES
