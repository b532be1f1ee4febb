"""Entries of DVC's run cache, found by the hashes that stand in them."""

from dataenvgym_spec.store.dvc.run_cache import RunCache

ONE, TWO, THREE = "1" * 32, "2" * 32, "a" * 32


def entry(*digests: str) -> str:
    return "cmd: dataenvgym stage\ndeps:\n" + "".join(f"- md5: {one}\n" for one in digests)


def test_an_entry_is_found_by_each_hash_in_it_and_by_no_other() -> None:
    first, second = entry(ONE, f"{TWO}.dir"), entry(TWO, ONE, ONE)
    cache = RunCache([first, second])
    assert cache.naming(ONE) == [first, second]
    assert cache.naming(TWO) == cache.naming(f"{TWO}.dir") == [first, second]
    assert cache.naming(THREE) == []


def test_a_part_of_a_longer_hash_is_none() -> None:
    assert RunCache([entry(ONE + TWO)]).naming(ONE) == []


def test_no_text_is_read_again_for_each_question() -> None:
    """A sweep asks as often as it has stages, of as many entries."""
    read: list[str] = []

    def texts():
        for number in range(3):
            read.append(str(number))
            yield entry(f"{number:032x}")

    cache = RunCache(texts())
    for number in range(3):
        assert len(cache.naming(f"{number:032x}")) == 1
    assert len(read) == 3
