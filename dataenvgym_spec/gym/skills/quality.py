"""Measures how good the skills of some items are. Not a component itself.

All discoveries are measured alike, in words, so that arms with different ones can be compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from math import exp, fsum, lgamma, log
from typing import Final

from dataenvgym_spec.gym.skills.words import weighed, weights
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.quality import SkillQuality

VOCABULARY: Final = 2000
"""Words that questions are compared by, at most."""
DIGITS: Final = 6
"""Of each measure."""


def quality(
    items: Sequence[Item], names: Mapping[str, str], skills: Sequence[str], fallback: str | None
) -> SkillQuality:
    """The quality of the skills that some items have.

    Args:
        items: which ones; of those without a question, the words are not compared.
        names: the skill of each of them, by its id.
        skills: all skills.
        fallback: the skill of items of which nothing better is known; it need not be listed.
    """
    covered = [item for item in items if names[item.id] != fallback]
    own = [name for name in skills if name != fallback]
    asked = [item for item in covered if item.input]
    within, between = similarity([item.input for item in asked], [names[item.id] for item in asked])
    return SkillQuality(
        items=len(items),
        skills=len(skills),
        left_out=sum(names[item.id] not in skills for item in items),
        coverage=_rounded(len(covered) / len(items)) if items else 0.0,
        balance=_maybe(balance([names[item.id] for item in covered], len(own))),
        agreement=_maybe(_agreement(items, names)),
        within=_maybe(within),
        between=_maybe(between),
    )


def balance(names: Sequence[str], skills: int) -> float | None:
    """The entropy of names over a number of skills, between 0 and 1; None of a single skill.

    >>> balance(["sum", "gcd", "sum", "gcd"], 2)
    1.0
    """
    if skills < 2 or not names:
        return None
    return _entropy(Counter(names).values()) / log(skills)


def _agreement(items: Sequence[Item], names: Mapping[str, str]) -> float | None:
    groups = [item.group for item in items]
    if len(set(groups)) < 2 or not all(groups):
        return None
    return adjusted_mutual_information([names[item.id] for item in items], groups)


def adjusted_mutual_information(first: Sequence[Hashable], second: Sequence[Hashable]) -> float:
    """How much two partitions of the same items tell of each other, beyond chance.

    (MI - E[MI]) / (mean of both entropies - E[MI]), where the expectation is over all partitions
    with parts of the same sizes (Vinh, Epps & Bailey 2010). `sklearn.metrics` has the same; skills
    of the source need no scikit-learn.

    >>> adjusted_mutual_information("aabb", "xxyy")
    1.0
    """
    one, other = Counter(first), Counter(second)
    if len(one) == len(other) == 1:
        return 1.0
    whole, together = len(first), Counter(zip(first, second, strict=True))
    terms = []
    for (here, there), count in together.items():
        terms.append(count / whole * log(whole * count / (one[here] * other[there])))
    expected = _expected(list(one.values()), list(other.values()))
    most = (_entropy(one.values()) + _entropy(other.values())) / 2
    room = most - expected
    # One part against single items: whatever the partition, it tells the same.
    return (fsum(terms) - expected) / room if abs(room) > 1e-12 else 0.0


def _expected(first: Sequence[int], second: Sequence[int]) -> float:
    """The expected mutual information of partitions with parts of some sizes (equation 24a)."""
    whole = sum(first)
    logs = [lgamma(number + 1) for number in range(whole + 1)]
    terms = []
    # Parts of one size give equal terms.
    for one, ones in Counter(first).items():
        for other, others in Counter(second).items():
            pairs = ones * others
            sizes = logs[one] + logs[other] + logs[whole - one] + logs[whole - other] - logs[whole]
            for count in range(max(1, one + other - whole), min(one, other) + 1):
                ways = sizes - logs[count] - logs[one - count] - logs[other - count]
                ways -= logs[whole - one - other + count]
                told = count / whole * log(whole * count / (one * other))
                terms.append(pairs * told * exp(ways))
    return fsum(terms)


def _entropy(counts: Iterable[int]) -> float:
    sizes = list(counts)
    whole = sum(sizes)
    return -fsum(size / whole * log(size / whole) for size in sizes)


def similarity(texts: Sequence[str], names: Sequence[str]) -> tuple[float | None, float | None]:
    """The mean cosine of two texts with one name, and of two with different ones (tf-idf).

    Each is None where there are no such two. Sums of vectors give the sums of all pairs, so that
    no pair has to be looked at.
    """
    idf = weights(texts, most=VOCABULARY)
    sums: dict[str, dict[str, float]] = {}
    lengths: Counter[str] = Counter()
    for text, name in zip(texts, names, strict=True):
        vector = weighed(text, idf)
        _add(vector, sums.setdefault(name, {}))
        lengths[name] += bool(vector)  # without a known word it is 0, not 1
    sizes = Counter(names)
    inside = fsum(_pairs(sums[name], lengths[name]) for name in sums)
    total: dict[str, float] = {}
    for mine in sums.values():
        _add(mine, total)
    everything = _pairs(total, lengths.total())
    alike = sum(size * (size - 1) // 2 for size in sizes.values())
    apart = len(texts) * (len(texts) - 1) // 2 - alike
    within = inside / alike if alike else None
    between = (everything - inside) / apart if apart else None
    return within, between


def _add(vector: Mapping[str, float], total: dict[str, float]) -> None:
    for word, value in vector.items():
        total[word] = total.get(word, 0.0) + value


def _pairs(total: Mapping[str, float], units: int) -> float:
    """The sum of the cosines of all pairs of vectors, by their sum and how many have length 1."""
    return (fsum(value * value for value in total.values()) - units) / 2


def _rounded(value: float) -> float:
    return round(value, DIGITS)


def _maybe(value: float | None) -> float | None:
    return None if value is None else _rounded(value)
