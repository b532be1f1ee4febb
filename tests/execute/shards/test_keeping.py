"""Answers that are kept while a stage goes on: how often, and how many are asked at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataenvgym_spec.execute.shards.keeping import Keeper
from dataenvgym_spec.execute.shards.kept import Shards
from dataenvgym_spec.gym.students.backends.protocol import Completion
from tests.support.clocks import Time

PERIOD = 60.0
SAID = Completion(text="a", tokens=1, prompt_tokens=1, truncated=False)


@pytest.fixture
def shards(tmp_path: Path) -> Shards:
    return Shards(folder=tmp_path / "shards", key="k" * 64, inputs={})


FACTS = {"device": "cpu"}


def keeper(shards: Shards, time: Time) -> Keeper:
    made = Keeper(shards, 9, lambda: None, period=PERIOD, clock=time.clock().now)
    made.before(FACTS, pytest.fail)
    return made


def test_a_file_is_written_when_a_period_is_over(shards: Shards) -> None:
    time = Time()
    kept = keeper(shards, time)
    for place in range(5):
        time.now += PERIOD / 2
        kept.add(None, {place: SAID})
    found = shards.answers(9, pytest.fail, facts=FACTS)
    assert sorted(found.of(None)) == [0, 1, 2, 3], "of the last one a kill would cost half a period"
    assert found.seconds == {"generate": 2 * PERIOD, "total": 2 * PERIOD}
    assert found.facts == FACTS
    again = keeper(shards, time)
    assert again.of(None) == found.of(None) and not again.of(1)
    assert again.before(FACTS, pytest.fail) is None, "its seconds count once"


def test_students_do_not_write_over_each_other_and_share_a_period(shards: Shards) -> None:
    time = Time()
    kept = keeper(shards, time)
    for student in (1, 2, 3):
        time.now += PERIOD / 2
        kept.before(FACTS, pytest.fail)
        kept.add(student, {0: SAID})
    time.now += PERIOD  # it began when the last one was loaded
    kept.add(3, {1: SAID})
    found = shards.answers(9, pytest.fail)
    there = {student: sorted(found.of(student)) for student in (1, 2, 3)}
    assert there == {1: [0], 2: [0], 3: [0, 1]}
    assert found.count == 2


def test_a_disk_that_takes_nothing_ends_nothing_and_is_tried_again(shards: Shards) -> None:
    shards.folder.write_text("no folder", encoding="utf-8")
    time = Time()
    kept = keeper(shards, time)
    time.now += PERIOD
    kept.add(None, {0: SAID})
    shards.folder.unlink()
    time.now += PERIOD
    kept.add(None, {1: SAID})
    found = shards.answers(9, pytest.fail)
    assert sorted(found.of(None)) == [0, 1], "what could not be kept is kept with what came after"
    assert found.seconds == {"generate": 2 * PERIOD, "total": 2 * PERIOD}


def test_as_much_is_asked_at_once_as_takes_a_period(shards: Shards) -> None:
    time = Time()
    sizes = []
    for groups in keeper(shards, time).steps(range(100), 1):
        sizes.append(len(groups))
        time.now += len(groups) * PERIOD / 10
    assert sizes == [1, 2, 4, 8, *[10] * 8, 5]


def test_a_slow_group_is_asked_alone_and_a_fast_clock_divides_by_nothing(shards: Shards) -> None:
    time = Time()
    sizes = []
    for groups in keeper(shards, time).steps(range(4), 1):
        sizes.append(len(groups))
        time.now += len(groups) * 2 * PERIOD
    assert sizes == [1, 1, 1, 1]
    assert [len(groups) for groups in keeper(shards, Time()).steps(range(7), 1)] == [1, 2, 4]
