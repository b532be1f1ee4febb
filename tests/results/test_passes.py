"""pass@k from drawn answers, against counting subsets and against the truth that it estimates."""

from itertools import combinations

import numpy as np
import pytest

from dataenvgym_spec.records.evaluations import Result, Sample
from dataenvgym_spec.results.evidence.passes import pass_at, passes


@pytest.mark.parametrize(("drawn", "right"), [(1, 0), (1, 1), (5, 0), (5, 2), (6, 3), (7, 7)])
def test_it_is_the_share_of_subsets_with_a_right_answer(drawn: int, right: int) -> None:
    marks = [number < right for number in range(drawn)]
    for k in range(1, drawn + 1):
        subsets = list(combinations(marks, k))
        share = sum(map(any, subsets)) / len(subsets)
        assert pass_at(k, drawn, right) == pytest.approx(share, abs=1e-12)


def test_more_answers_than_were_drawn_cannot_be_asked_of() -> None:
    for k in (0, 5):
        with pytest.raises(ValueError, match="of 4 answers"):
            pass_at(k, 4, 1)


def test_it_is_unbiased_and_the_plain_formula_is_not() -> None:
    chance, drawn, k = 0.2, 8, 4
    right = np.random.default_rng(0).binomial(drawn, chance, 40_000)
    truth = 1 - (1 - chance) ** k
    values = [pass_at(k, drawn, int(count)) for count in right]
    plain = 1 - (1 - right / drawn) ** k
    error = np.std(values) / len(values) ** 0.5
    assert abs(np.mean(values) - truth) < 4 * error
    assert truth - plain.mean() > 20 * error


def result(name: str, marks: list[bool], cluster: str | None = None) -> Result:
    samples = []
    for mark in marks:
        samples.append(
            Sample(prediction="x", score=mark, correct=mark, unparseable=False, truncated=False)
        )
    return Result(
        id=name, group="g", input="q", target="t", prediction="x", score=float(marks[0]),
        correct=marks[0], unparseable=False, truncated=False, cluster=cluster,
        samples=tuple(samples) if len(samples) > 1 else (),
    )  # fmt: skip


def test_the_usual_k_and_all_answers_are_reported() -> None:
    rows = [result(f"i{n}", [n % 2 == 0] + [False] * 11) for n in range(10)]
    found = passes(rows)
    assert [k for k, _ in found] == [1, 10, 12]
    by_k = dict(found)
    assert by_k[1].value == pytest.approx(0.5 / 12)
    assert by_k[12].value == 0.5
    for _, estimate in found:
        assert 0 <= estimate.low < estimate.value < estimate.high <= 1
    assert passes([result("a", [True]), result("b", [False])]) == ()
    assert passes([]) == ()


def test_clusters_widen_its_interval() -> None:
    marks = [[n < 5] * 2 for n in range(10)]
    alone = dict(passes([result(f"i{n}", mark) for n, mark in enumerate(marks)]))[2]
    rows = [result(f"i{n}", mark, cluster=str(n // 5)) for n, mark in enumerate(marks)]
    together = dict(passes(rows))[2]
    assert together.value == alone.value
    assert together.high - together.low > alone.high - alone.low
