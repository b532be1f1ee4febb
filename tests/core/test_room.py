"""What a process may use of its machine, in containers and without."""

import os
from pathlib import Path

import pytest

from dataenvgym_spec.core import room
from dataenvgym_spec.core.room import (
    GIVEN,
    LEFT,
    OF_A_JOB,
    cpus_given,
    cpus_here,
    gpus_here,
    memory_here,
    memory_left,
    memory_of,
)


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


def test_memory_of_a_process_is_that_of_all_below_it(tmp_path: Path) -> None:
    for process, kilobytes, below in ((7, 100, "8 9 "), (8, 20, ""), (9, 3, "10 ")):
        threads = tmp_path / str(process) / "task" / str(process)
        threads.mkdir(parents=True)
        (threads / "children").write_text(below, encoding="ascii")
        text = f"0-1 ---p [rollup]\nRss: 999 kB\nPss:  {kilobytes} kB\nPss_Anon: 1 kB\n"
        (tmp_path / str(process) / "smaps_rollup").write_text(text, encoding="ascii")
    assert memory_of(7, tmp_path) == 123 * 1024, "one has gone meanwhile"
    assert memory_of(os.getpid()) > 2**20


def test_what_is_left_of_memory_is_what_a_run_says() -> None:
    assert memory_left({}) is memory_left({LEFT: "much"}) is None
    assert memory_left({LEFT: "0"}) == 0


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
