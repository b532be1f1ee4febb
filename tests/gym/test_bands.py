"""The index of near duplicates: it finds what rensa's finds, and a digest takes few bytes of memory."""

from random import Random

import numpy as np
import pytest
from rensa import RMinHash, RMinHashLSH

from dataenvgym_spec.gym.checks import bands as module
from dataenvgym_spec.gym.checks.bands import Bands
from dataenvgym_spec.gym.checks.taken import Taken
from tests.support.memory import peak


def texts(amount: int, seed: int = 0) -> list[list[str]]:
    """Rows of words, of which every second one is nearly an earlier one."""
    draw = Random(seed)
    rows: list[list[str]] = []
    for number in range(amount):
        row = [str(draw.randrange(200)) for _ in range(20)]
        if number % 2:
            row = list(draw.choice(rows))
            row[draw.randrange(20)] = str(draw.randrange(200))
        rows.append(row)
    return rows


@pytest.mark.parametrize(("bands", "first"), [(1, 1024), (8, 4), (32, 16), (128, 1024)])
def test_it_finds_what_shares_a_band(
    bands: int, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often its tables grow, and wherever hashes meet."""
    monkeypatch.setattr(module, "FIRST", first)
    monkeypatch.setattr(module, "SPARE", 4)
    index, other = Bands(hashes=128, bands=bands), RMinHashLSH(0.5, 128, bands)
    hashes: list[RMinHash] = []
    for number, words in enumerate(texts(400)):
        hashed = RMinHash(128, 1)
        hashed.update(words)
        numbers, shares = index.near(hashed.digest())
        assert numbers.tolist() == sorted(other.query(hashed))
        assert shares.tolist() == [hashed.jaccard(hashes[number]) for number in numbers]
        assert index.add(hashed.digest()) == number
        other.insert(number, hashed)
        hashes.append(hashed)
    assert len(index) == 400


def test_marks_that_meet_lead_nobody_astray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a hash so few bits may be known that bands share a chain without being the same."""
    monkeypatch.setattr(module, "MARK", 3)
    index = Bands(hashes=8, bands=4)
    digests = [[Random(number).randrange(3) for _ in range(8)] for number in range(200)]
    for number, digest in enumerate(digests):
        parts = [tuple(digest[at : at + 2]) for at in range(0, 8, 2)]
        like = []
        for place, earlier in enumerate(digests[:number]):
            others = [tuple(earlier[at : at + 2]) for at in range(0, 8, 2)]
            if any(one == other for one, other in zip(parts, others, strict=True)):
                like.append(place)
        assert index.near(digest)[0].tolist() == like
        index.add(digest)


def test_a_digest_takes_few_bytes_of_memory() -> None:
    """Rensa's own index takes four thousand."""
    digests = np.random.default_rng(0).integers(0, 1 << 32, (1_500, 128), np.uint32)

    def fill(amount: int) -> None:
        index = Bands(hashes=128, bands=32)
        for digest in digests[:amount]:
            index.add(digest)

    few, many = peak(lambda: fill(300)), peak(lambda: fill(1_500))
    assert (many - few) / 1_200 < 1_500


def test_what_was_taken_is_a_mapping_in_order() -> None:
    taken = Taken({"a": "one", "b": "two"})
    taken.add("c", "half of a pair: \ud800")
    taken.add("a", "again")
    assert dict(taken.items()) == {"a": "again", "b": "two", "c": "half of a pair: \ud800"}
    assert len(taken) == 3 and "c" in taken and "d" not in taken
    with pytest.raises(KeyError):
        taken["d"]
