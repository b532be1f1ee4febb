"""Shards of clones that share leases: who makes one, and what the others do."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from dataenvgym_spec.execute.shards.between import Turn, turn
from dataenvgym_spec.execute.shards.kept import Shards
from dataenvgym_spec.execute.shards.part import Part
from dataenvgym_spec.gym.students.backends.protocol import Completion
from dataenvgym_spec.setup.hardware.leases import inputs_digest, leases_of
from dataenvgym_spec.store.layout import Layout
from tests.support.repositories import new_repo, share
from tests.support.specs import SMALL

STAGE, PART = "evaluate-0123456789abcdef", Part(number=1, count=2)
INPUTS = {"store/student-1/out/student": "a" * 32}


@pytest.fixture
def clones(tmp_path: Path) -> list[Layout]:
    """Two with one remote, which keep leases in one folder."""
    found = []
    for name in ("mine", "theirs"):
        repo = new_repo(tmp_path / name / "repo", SMALL)
        share(repo, tmp_path)
        found.append(Layout(root=repo))
    return found


def shards(layout: Layout, inputs: dict[str, str] = INPUTS) -> Shards:
    folder = layout.shards(STAGE)
    folder.mkdir(parents=True, exist_ok=True)
    return Shards(folder=folder, key="k" * 64, inputs=inputs)


def make(own: Turn) -> None:
    """Answers of a shard."""
    said = Completion(text="yes", tokens=1, prompt_tokens=1, truncated=False)
    own.shards.write(PART, [(None, 0, said)], prompts=2, facts={}, seconds={"total": 1.0})


def test_one_makes_a_shard_and_the_other_waits_and_gets_its_answers(clones: list[Layout]) -> None:
    mine, theirs = clones
    here, brought = threading.Event(), list[str | None]()

    def other() -> None:
        here.set()
        with turn(theirs, STAGE, shards(theirs), PART) as own:
            assert own is not None
            brought.append(own.bring())

    waiting = threading.Thread(target=other)
    with turn(mine, STAGE, shards(mine), PART) as own:
        assert own is not None and own.is_over() is None and own.bring() is None
        waiting.start()
        here.wait()
        make(own)
        assert not brought
        own.publish()
        holder = own.lease.claim.holder
    waiting.join()
    assert brought == [holder]
    paths = [shards(layout).path(PART) for layout in clones]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    # Another shard, and one that is made from other inputs, are others.
    with turn(theirs, STAGE, shards(theirs), Part(number=2, count=2)) as own:
        assert own is not None and own.bring() is None
    with turn(theirs, STAGE, shards(theirs, {"other": "b"}), PART) as own:
        assert own is not None and own.bring() is None


@pytest.mark.parametrize("lock", ["", "{", "stages: 3", 7, None])
def test_what_a_register_has_wrongly_is_not_used_and_keeps_no_shard_from_being_made(
    clones: list[Layout], lock: object
) -> None:
    mine, theirs = clones
    with turn(mine, STAGE, shards(mine), PART) as own:
        assert own is not None
        own.lease.publish({"inputs": inputs_digest(INPUTS), "lock": lock})
    with turn(theirs, STAGE, shards(theirs), PART) as own:
        assert own is not None and own.bring() is None
        make(own)
        own.publish()
    with turn(mine, STAGE, shards(mine), PART) as own:
        assert own is not None and own.bring() is not None


def test_nothing_is_made_once_the_whole_is_published(clones: list[Layout]) -> None:
    mine, theirs = clones
    leases = leases_of(mine, {})
    assert leases is not None
    with leases.hold(STAGE) as lease:
        assert lease is not None
        lease.publish({"inputs": inputs_digest(INPUTS), "files": "f"})
        holder = lease.claim.holder
    with turn(theirs, STAGE, shards(theirs), PART) as own:
        assert own is not None and own.is_over() == holder
    with turn(theirs, STAGE, shards(theirs, {"other": "b"}), PART) as own:
        assert own is not None and own.is_over() is None


def test_a_clone_without_leases_between_clones_has_nothing_to_wait_for(tmp_path: Path) -> None:
    layout = Layout(root=new_repo(tmp_path / "repo", SMALL))
    for profile in ("evaluation: {shards: 2}\n", "leases: {at: .dataenvgym/leases, seconds: 20}\n"):
        (layout.root / "hardware.yaml").write_text(profile, encoding="utf-8")
        with turn(layout, STAGE, shards(layout), PART) as own:
            assert own is None
