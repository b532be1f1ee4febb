"""What is spooled comes back as it was, whatever is written between, and hardly any of it is held."""

import os

from hypothesis import given
from hypothesis import strategies as st

from dataenvgym_spec.core.spool import GATHERED, Spool
from tests.support.memory import peak


@given(st.lists(st.binary(max_size=50), max_size=30), st.sets(st.integers(0, 29)))
def test_it_gives_back_what_was_appended(parts: list[bytes], looked: set[int]) -> None:
    spool = Spool()
    for number, part in enumerate(parts):
        assert spool.append(part) == number
        if number in looked:
            assert spool[number // 2] == parts[number // 2]
    assert list(spool) == parts
    assert spool[1:3] == parts[1:3]
    assert len(spool) == len(parts)
    if parts:
        assert spool[-1] == parts[-1]


def test_its_texts_are_on_disk() -> None:
    def fill() -> None:
        spool = Spool()
        for _ in range(1_000):
            spool.append(bytes(10_000))
        assert len(spool[999]) == 10_000

    assert peak(fill) < 4 * GATHERED


def test_processes_that_were_forked_read_without_disturbing_each_other() -> None:
    spool = Spool()
    for number in range(100):
        spool.append(str(number).encode())
    assert spool[99] == b"99"
    child = os.fork()
    if not child:
        os._exit(int([int(part) for part in spool] != list(range(100))))
    assert [int(part) for part in spool] == list(range(100))
    assert os.waitpid(child, 0)[1] == 0
