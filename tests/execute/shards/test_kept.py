"""Files of shards: what is used of them, and what is not and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataenvgym_spec.execute.shards import kept
from dataenvgym_spec.execute.shards.kept import Answer, Shards
from dataenvgym_spec.execute.shards.part import Part
from dataenvgym_spec.gym.students.backends.protocol import Completion
from dataenvgym_spec.records.responses import Response

FIRST = Part(number=1, count=2)
KEY, INPUTS = "k" * 64, {"store/data-1/out/test": "abc.dir"}


def answers(*places: int, student: int | None = None) -> list[Answer]:
    found: list[Answer] = []
    for place in places:
        text = f"{place}\u2028\n"
        completion = Completion(text=text, tokens=1, prompt_tokens=2, truncated=False)
        found.append((student, place, completion))
    return found


@pytest.fixture
def shards(tmp_path: Path) -> Shards:
    made = Shards(folder=tmp_path / "shards", key=KEY, inputs=INPUTS)
    written(made, 1, answers(0, 2))
    return made


def written(shards: Shards, number: int, given: list[Answer], device: str = "cpu") -> Path:
    part = Part(number=number, count=2)
    facts = {"device": device, "threads": number}
    shards.write(part, given, prompts=4, facts=facts, seconds={"load": 1.0, "total": 2.0})
    return shards.path(part)


def test_what_shards_hold_is_put_together(shards: Shards) -> None:
    written(shards, 2, answers(1, 3) + answers(0, student=4), device="cuda")
    found = shards.answers(4, pytest.fail)
    assert sorted(found.of(None)) == [0, 1, 2, 3] and sorted(found.of(4)) == [0]
    assert found.of(None)[2].text == "2\u2028\n"
    assert found.facts == {"device": "cpu and cuda", "threads": 2}
    assert found.seconds == {"load": 2.0, "total": 4.0}
    assert found.count == 2 and not found.of(5)


def test_responses_of_teachers_are_kept_likewise(shards: Shards) -> None:
    part = Part(number=2, count=2)
    assert shards.has(FIRST) and not shards.has(part)
    shards.path(FIRST).unlink()
    response = Response(key="r", stage=KEY, at=1.5, reply={"text": "\u2028", "tokens": {}})
    shards.write(part, [response], facts={"device": "cuda"}, seconds={"total": 2.0})
    found = shards.responses(pytest.fail)
    assert found.responses == [response] and found.count == 1
    assert found.facts == {"device": "cuda"}
    said: list[str] = []
    assert not shards.answers(0, said.append).count
    assert said == ["  shard 2-of-2 is not used: it is damaged"]


def test_nothing_is_there_at_first(tmp_path: Path) -> None:
    found = Shards(folder=tmp_path / "none", key=KEY, inputs=INPUTS).answers(4, pytest.fail)
    assert not found.count and not found.of(None)


@pytest.mark.parametrize("place", [0, -40, -3])
def test_a_damaged_file_is_not_used(shards: Shards, place: int) -> None:
    content = bytearray(shards.path(FIRST).read_bytes())
    content[place] ^= 1
    shards.path(FIRST).write_bytes(content)
    refused(shards, 4, "it is damaged")


@pytest.mark.parametrize("size", [0, 40, 300])
def test_a_half_written_file_is_not_used(shards: Shards, size: int) -> None:
    shards.path(FIRST).write_bytes(shards.path(FIRST).read_bytes()[:size])
    refused(shards, 4, "it is damaged")


def test_what_is_of_something_else_is_not_used(
    shards: Shards, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shards.folder
    refused(Shards(folder=folder, key="other", inputs=INPUTS), 4, "it is of another stage")
    other = Shards(folder=folder, key=KEY, inputs={**INPUTS, "more": "1"})
    refused(other, 4, "it was made from other inputs")
    refused(shards, 5, "it is of other prompts")
    written(shards, 1, answers(9))
    refused(shards, 4, "it is of other prompts")
    monkeypatch.setattr(kept, "versions", lambda: {"torch": "0.1"})
    refused(shards, 4, "it was made by other releases")


def test_a_build_for_another_device_is_no_other_release(
    shards: Shards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "versions", lambda: {"torch": "2.1+cpu", "nvidia-cublas": "1"})
    written(shards, 1, answers(0))
    monkeypatch.setattr(kept, "versions", lambda: {"torch": "2.1"})
    assert shards.answers(4, pytest.fail).count == 1


def refused(shards: Shards, prompts: int, why: str) -> None:
    """Nothing is used, and the reason is said."""
    said: list[str] = []
    found = shards.answers(prompts, said.append)
    assert not found.count and not found.of(None)
    assert said == [f"  shard 1-of-2 is not used: {why}"]
