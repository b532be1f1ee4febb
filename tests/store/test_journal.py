"""The journal: what is kept is there for everybody, whatever happens to a process or to the file."""

import multiprocessing
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.records.responses import Response
from dataenvgym_spec.store.journal import Journal, answered
from tests.support.desks import killed


def response(number: int, **more: object) -> Response:
    fields = {"key": f"{number:064}", "stage": "s", "at": 1.0, "reply": {"text": f"it is {number}"}}
    return Response(**{**fields, **more})


def opened(folder: Path, said: list[str] | None = None, logs: tuple[Path, ...] = ()) -> Journal:
    say = (said if said is not None else []).append
    return Journal(folder / "journal.sqlite", logs=lambda: logs, say=say)


def test_what_is_kept_is_found_and_the_first_stays(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    assert journal.keep(map(response, range(1200))) == 1200
    assert journal.keep([response(3, reply={"text": "another"}), response(1200)]) == 1
    journal.close()
    again = opened(tmp_path)
    keys = [response(number).key for number in range(0, 1300, 2)]
    found = again.find(keys)
    assert found[response(2).key] == response(2)
    assert len(found) == 601 and again.known(keys) == set(found)
    assert again.find([response(3).key])[response(3).key].reply == {"text": "it is 3"}
    assert [one.key for one in again.responses()] == [response(n).key for n in range(1201)]


def test_what_a_stage_has_been_answered_is_read_without_a_change(tmp_path: Path) -> None:
    place = tmp_path / "journal.sqlite"
    assert answered(place, "s") == frozenset() and not place.exists()
    journal = opened(tmp_path)
    journal.keep([response(1), response(2), response(3, stage="another")])
    assert answered(place, "s") == {response(1).key, response(2).key}, "also while it is open"
    journal.close()
    assert answered(place, "another") == {response(3).key}
    place.write_text("no journal", encoding="utf-8")
    assert answered(place, "s") == frozenset()
    assert place.read_text(encoding="utf-8") == "no journal", "whoever writes to it mends it"


def test_it_writes_ahead_and_waits_for_the_disk_when_it_settles(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.keep([response(1)])
    said: list[str] = []
    journal._connection.set_trace_callback(said.append)
    journal.settle()
    assert said[0] == "PRAGMA synchronous = FULL" and said[1].startswith("INSERT")
    journal.settle()
    assert sum("FULL" in line for line in said) == 1
    with sqlite3.connect(journal.path) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_process_that_is_killed_loses_nothing_that_it_kept(tmp_path: Path) -> None:
    sign = tmp_path / "kept"

    def work() -> None:
        opened(tmp_path).keep([response(1)])
        sign.touch()
        while True:
            pass

    assert killed(work, sign.exists)
    assert opened(tmp_path).count() == 1


def _writes(folder: str, first: int) -> None:
    journal = opened(Path(folder))
    for number in range(first, first + 50):
        journal.keep([response(number)])
    journal.close()


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    works = [context.Process(target=_writes, args=(str(tmp_path), 40 * n)) for n in range(3)]
    for work in works:
        work.start()
    for work in works:
        work.join()
    assert [work.exitcode for work in works] == [0, 0, 0]
    assert opened(tmp_path).count() == 130


ROWS = {
    "a row": "reply = '{}'",
    "no text": "reply = CAST(x'7bff7d' AS TEXT)",
    "another type": "at = 'yesterday'",
    "no key": "key = NULL",
}
"""Damage of one row, which its checksum or its types give away."""


@pytest.mark.parametrize("wound", ["garbage", "torn", "a page", *ROWS])
def test_a_damaged_file_is_set_aside_and_what_is_left_taken_over(
    wound: str, tmp_path: Path
) -> None:
    opened(tmp_path).keep(map(response, range(2000)))
    path = tmp_path / "journal.sqlite"
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if wound in ROWS:
            raw.execute(f"UPDATE responses SET {ROWS[wound]} WHERE rowid IN (7, 1900)")
    raw.close()
    data = bytearray(path.read_bytes())
    if wound == "garbage":
        path.write_bytes(b"no database at all " * 999)
    elif wound == "torn":
        path.write_bytes(data[: len(data) // 2])
    elif wound == "a page":
        middle = len(data) // 2 // 4096 * 4096
        data[middle : middle + 4096] = os.urandom(4096)
        path.write_bytes(data)
    log = tmp_path / "responses.jsonl"
    lines = [
        b'{"key": "torn',
        *(b'{"key":"%d","stage":"s","at":1.0,"reply":{},"more":1}' % n for n in (1, 2)),
    ]
    log.write_bytes(b"\n".join(lines) + b"\n")
    said: list[str] = []
    journal = opened(tmp_path, said, logs=(log,))
    keys = [one.key for one in journal.responses() if len(one.key) == 64]
    assert len(set(keys)) == len(keys) and journal.count() == len(keys) + 2
    found = journal.find([response(number).key for number in range(2000)])
    assert said and "set aside" in said[0]
    assert all(one == response(int(key)) for key, one in found.items())
    assert journal.known(["1", "2"]) == {"1", "2"}
    (aside,) = [
        one for one in tmp_path.glob("*.damaged-*") if not one.name.endswith(("-wal", "-shm"))
    ]
    assert str(aside) in said[0]
    least = {"garbage": 0, "torn": 300, "a page": 1500}.get(wound, 1998)
    assert len(found) >= least
    assert journal.keep(map(response, range(2000))) == 2000 - len(found)


@pytest.mark.parametrize("wound", ["cut", "cut in a page", "turned over", "gone"])
def test_a_torn_log_of_writes_loses_its_end_alone(wound: str, tmp_path: Path) -> None:
    """As a machine leaves it that goes down: the file itself is whole, and what was written ahead is not."""
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    journal = opened(whole)
    for number in range(40):
        journal.keep([response(number)])
    torn.mkdir()
    shutil.copy(journal.path, torn)
    ahead = torn / "journal.sqlite-wal"
    data = bytearray((whole / ahead.name).read_bytes())
    middle = len(data) // 2
    if wound == "cut":
        data = data[:middle]
    elif wound == "cut in a page":
        data = data[: middle // 4096 * 4096 + 99]
    elif wound == "turned over":
        data[middle] ^= 255
    if wound != "gone":
        ahead.write_bytes(data)
    journal.close()
    said: list[str] = []
    again = opened(torn, said)
    found = again.find([response(number).key for number in range(40)])
    # Whole ones from the beginning on, and nothing that was never kept.
    assert list(map(int, sorted(found))) == list(range(len(found)))
    assert all(one == response(int(key)) for key, one in found.items())
    assert 0 < len(found) < 40 if wound != "gone" else not found
    assert not said
    assert again.keep(map(response, range(40))) == 40 - len(found)


def test_who_has_it_open_goes_on_in_the_new_file(tmp_path: Path) -> None:
    """Another process sets it aside, or a user removes it."""
    first = opened(tmp_path)
    first.keep([response(1)])
    for path in tmp_path.glob("journal.sqlite*"):
        path.unlink()
    second = opened(tmp_path)
    first.keep([response(2)])
    assert second.count() == first.count() == 1


def test_one_of_a_later_release_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "journal.sqlite") as raw:
        raw.execute("PRAGMA user_version = 99")
    with pytest.raises(UserError, match="later release"):
        opened(tmp_path)
    assert not list(tmp_path.glob("*.damaged-*"))
