"""Does the example hold most of an item of a split?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.ngrams import ngrams
from dataenvgym_spec.records.splits import Reserve


@dataclass(slots=True)
class Index:
    """The items of splits by the hashes of their n-grams.

    Attributes:
        roles: the split of each item.
        sizes: how many n-grams each has.
        holders: the items that have an n-gram, by its hash.
    """

    roles: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    holders: dict[int, list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, reserve: Reserve, roles: Sequence[str], size: int) -> Index:
        """Of what is kept for some splits."""
        index = cls()
        for role, runs in _kept(reserve, roles, size):
            for hashed in runs:
                index.holders.setdefault(hashed, []).append(len(index.roles))
            index.roles.append(role)
            index.sizes.append(len(runs))
        return index

    def nearest(self, hashes: Sequence[int]) -> tuple[float, str]:
        """The largest share of an item that some n-grams hold, and the split of that item."""
        counts: Counter[int] = Counter()
        for hashed in hashes:
            counts.update(self.holders.get(hashed, ()))
        best = (0.0, "")
        for item, count in counts.items():
            share = count / self.sizes[item]
            if share > best[0]:
                best = (share, self.roles[item])
        return best


class NearOverlap:
    """Objects to an example whose question holds most n-grams of an item of a split.

    It sees hashes only. The measure is the containment of the item in the example (Broder 1997); n
    and the threshold are by default those by which PaLM called test items contaminated (arXiv
    2204.02311, section 8).
    """

    def __init__(self, *, against: list[str], threshold: float, ngram: int) -> None:
        self.against, self.threshold, self.ngram = against, threshold, ngram
        self._index: Index | None = None

    def objections(self, examples: Sequence[Example], sight: Sight) -> list[str | None]:
        """Why each candidate should not be taught, or None."""
        if sight.reserve is None:
            return [None] * len(examples)
        if self._index is None:
            self._index = Index.of(sight.reserve, self.against, self.ngram)
        return [self._objection(example, self._index) for example in examples]

    def _objection(self, example: Example, index: Index) -> str | None:
        share, role = index.nearest(ngrams(example.input, self.ngram))
        if share < self.threshold:
            return None
        return f"holds {share:.0%} of an item of {role}"


def _kept(
    reserve: Reserve, roles: Sequence[str], size: int
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The hashes of each item, with its split. A question without words has none."""
    for role in roles:
        kept = reserve.roles.get(role)
        if kept is None or kept.ngrams is None:
            continue
        for runs in kept.ngrams.get(str(size), ()):
            if runs:
                yield role, runs
