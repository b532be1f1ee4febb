"""What a discovery is measured by, by formulas that are checked against others' and by hand."""

import random

import pytest
from sklearn.metrics import adjusted_mutual_info_score
from sklearn.metrics.pairwise import cosine_similarity

from dataenvgym_spec.gym.skills.quality import (
    adjusted_mutual_information,
    balance,
    quality,
    similarity,
)
from dataenvgym_spec.gym.skills.words import weighed, weights
from dataenvgym_spec.records.items import Item

TEXTS = ("add apples", "add pears", "find a root", "find a prime", "add 1", "")


def items(*groups: str) -> list[Item]:
    """Items with some groups, and the texts above."""
    return [
        Item(id=str(number), input=text, target="", group=group, cluster="")
        for number, (text, group) in enumerate(zip(TEXTS, groups, strict=False))
    ]


@pytest.mark.parametrize("parts", [(2, 3), (40, 4), (1, 5), (40, 40)])
def test_agreement_is_what_scikit_learn_makes_of_it(parts: tuple[int, int]) -> None:
    drawn = random.Random(0)
    for noise in (0.0, 0.3, 1.0):
        first = [drawn.randrange(parts[0]) for _ in range(60)]
        second = [a if drawn.random() >= noise else drawn.randrange(parts[1]) for a in first]
        wanted = adjusted_mutual_info_score(first, second)
        assert adjusted_mutual_information(first, second) == pytest.approx(wanted, abs=1e-9)


def test_balance_is_that_of_items_over_all_skills() -> None:
    assert balance("aabb", 2) == 1
    assert balance("aabb", 4) == pytest.approx(0.5)
    assert balance("aaaa", 2) == 0
    assert balance("aaab", 2) == pytest.approx(0.8112781)
    assert balance("aaaa", 1) is None and balance("", 2) is None


def test_similarity_is_the_mean_over_pairs() -> None:
    names = "ssrrst"
    within, between = similarity(TEXTS, names)
    idf = weights(TEXTS, most=2000)
    rows = [[weighed(text, idf).get(word, 0.0) for word in idf] for text in TEXTS]
    cosines = cosine_similarity(rows)
    pairs = [(a, b) for a in range(6) for b in range(a)]
    same = [cosines[a][b] for a, b in pairs if names[a] == names[b]]
    other = [cosines[a][b] for a, b in pairs if names[a] != names[b]]
    assert within == pytest.approx(sum(same) / len(same))
    assert between == pytest.approx(sum(other) / len(other))
    assert similarity(["a"], ["s"]) == (None, None)


def test_the_quality_of_skills_with_a_fallback() -> None:
    asked = items("sum", "sum", "prime", "prime", "sum", "sum")
    names = dict(zip("012345", ("+", "+", "p", "p", "+", "rest"), strict=True))
    listed = quality(asked, names, ("+", "p", "rest"), "rest")
    assert (listed.items, listed.skills, listed.left_out) == (6, 3, 0)
    assert listed.coverage == pytest.approx(5 / 6, abs=1e-6)
    assert listed.balance == pytest.approx(0.970951)  # three and two of five
    wanted = adjusted_mutual_info_score([item.group for item in asked], [*names.values()])
    assert listed.agreement == pytest.approx(wanted, abs=1e-6)
    assert listed.within is not None and listed.between is not None
    assert listed.coherence == listed.within - listed.between > 0.1
    left_out = quality(asked, names, ("+", "p"), "rest")
    assert (left_out.skills, left_out.left_out) == (2, 1)
    assert left_out.measures() == listed.measures()


def test_what_cannot_be_measured_is_not() -> None:
    same = items("", "", "", "")
    names = dict.fromkeys("0123", "all")
    found = quality(same, names, ("all",), None)
    assert found.measures() == {"coverage": 1.0}
    assert found.plain().keys() >= {"items", "skills", "left_out", "coverage", "within"}
    none = quality(same, dict.fromkeys("0123", "rest"), ("rest",), "rest")
    assert none.measures() == {"coverage": 0.0}
    assert quality([], {}, (), None).coverage == 0
