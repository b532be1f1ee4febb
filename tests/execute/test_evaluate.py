"""Several answers to an item: what is asked, with which seeds, and what a row says of them."""

from pathlib import Path

import pytest

from tests.support.noting import Noting, answer, evaluated


@pytest.fixture
def noting(monkeypatch: pytest.MonkeyPatch) -> Noting:
    return Noting(monkeypatch)


def test_each_answer_is_drawn_with_a_seed_of_run_item_and_number(
    noting: Noting, tmp_path: Path
) -> None:
    rows = evaluated(tmp_path / "a", seed=3, temperature=0.7, samples=3)
    seeds = [seed for _, seed in noting.asked]
    assert len(set(seeds)) == len(seeds) == 3 * len(rows)
    assert [prompt for prompt, _ in noting.asked[::3]] == [
        prompt for prompt, _ in noting.asked[1::3]
    ]
    evaluated(tmp_path / "b", seed=3, temperature=0.7, samples=3)
    assert [seed for _, seed in noting.asked] == seeds
    evaluated(tmp_path / "c", seed=3, temperature=0.7, samples=2)
    fewer = [seed for _, seed in noting.asked]
    assert fewer[0::2] == seeds[0::3] and fewer[1::2] == seeds[1::3]
    evaluated(tmp_path / "d", seed=4, temperature=0.7, samples=3)
    assert not {seed for _, seed in noting.asked} & set(seeds)


def test_a_row_is_the_first_answer_and_holds_them_all(noting: Noting, tmp_path: Path) -> None:
    rows = evaluated(tmp_path, seed=3, temperature=0.7, samples=3)
    answers = iter(answer(*asked) for asked in noting.asked)
    for row in rows:
        mine = [next(answers) for _ in range(3)]
        assert [sample["prediction"] for sample in row["samples"]] == mine
        assert row["prediction"] == mine[0]
        assert row["correct"] == row["samples"][0]["correct"] == (mine[0] == row["target"])


def test_a_greedy_answer_has_no_seed_and_its_row_no_samples(noting: Noting, tmp_path: Path) -> None:
    rows = evaluated(tmp_path)
    assert {seed for _, seed in noting.asked} == {None}
    assert not any("samples" in row for row in rows)


def test_one_drawn_answer_has_a_seed_and_its_row_no_samples(noting: Noting, tmp_path: Path) -> None:
    rows = evaluated(tmp_path, seed=0, temperature=0.7)
    assert None not in {seed for _, seed in noting.asked}
    assert not any("samples" in row for row in rows)
