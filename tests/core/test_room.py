"""What a process may use of its machine, in containers and without."""

import os
from pathlib import Path

import pytest

from dataenvgym_spec.core import room
from dataenvgym_spec.core.room import GIVEN, OF_A_JOB, cpus_given, cpus_here, gpus_here, memory_here


def test_processors_are_those_of_the_affinity_and_of_the_group(tmp_path: Path) -> None:
    mine = len(os.sched_getaffinity(0))
    assert cpus_here(tmp_path) == mine
    quota = tmp_path / "cpu.max"
    for text, expected in (
        ("max 100000\n", mine),
        ("150000 100000\n", min(mine, 2)),
        ("10000 100000\n", 1),
    ):
        quota.write_text(text, encoding="utf-8")
        assert cpus_here(tmp_path) == expected


def test_memory_is_the_least_of_what_is_allowed(tmp_path: Path) -> None:
    machine = tmp_path / "meminfo"
    assert memory_here(tmp_path, machine) is None
    machine.write_text("MemTotal:       2048 kB\nMemFree: 1 kB\n", encoding="utf-8")
    assert memory_here(tmp_path, machine) == 2048 * 1024
    (tmp_path / "memory.max").write_text("max\n", encoding="utf-8")
    assert memory_here(tmp_path, machine) == 2048 * 1024
    (tmp_path / "memory.max").write_text("4096\n", encoding="utf-8")
    assert memory_here(tmp_path, machine) == 4096


def test_gpus_are_those_that_are_there_and_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "gpu_count", lambda: 2)
    assert gpus_here({}) == 2
    for text, expected in (("", 0), ("-1", 0), ("1", 1), ("0,1", 2), ("0,1,2,3", 2)):
        assert gpus_here({"CUDA_VISIBLE_DEVICES": text}) == expected


def test_a_stage_has_the_processors_that_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "cpus_here", lambda: 8)
    assert cpus_given({}) == cpus_given({GIVEN: "", OF_A_JOB: "many"}) == 8
    assert cpus_given({OF_A_JOB: "4"}) == 4
    # A run within a job shares out what that has.
    assert cpus_given({OF_A_JOB: "4", GIVEN: "1"}) == 1
    assert cpus_given({GIVEN: "16"}) == 8, "no process has more than are there"
