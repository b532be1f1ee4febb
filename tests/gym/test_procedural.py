"""The procedural engine and teacher: what they draw."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from dataenvgym_spec.gym.tools import Tools
from tests.support.golden import assert_golden, component, engine, families, make, requests


def test_the_teacher_procedural_makes_what_its_number_says(tmp_path: Path) -> None:
    made = [
        item.row()
        for item in islice(
            make("teacher", component("teacher", "procedural", source=families())).source.stream(
                "gcd", 4
            ),
            20,
        )
    ]
    # With number 3 of the source, which enters every key that it takes part in.
    assert_golden("teacher", "procedural", {1: "accc034b39bbdef3"}, made)


def test_the_engine_procedural_makes_what_its_number_says(tmp_path: Path) -> None:
    made = [
        item.item().row()
        for item in make("engine", engine()).generate(requests(sum=9, gcd=4), Tools(seed=13))
    ]
    assert_golden("engine", "procedural", {1: "389e8233c5cd08fd"}, made)


def test_a_seed_of_its_own_has_it_write_other_examples_of_the_same_kind() -> None:
    def written(seed: int | None) -> list[str]:
        own = {} if seed is None else {"seed": seed}
        teacher = component("teacher", "procedural", source=families(), **own)
        made = make("engine", {**engine(), "teacher": teacher})
        rows = list(made.generate(requests(sum=9, gcd=4), Tools(seed=13)))
        assert [row.skill for row in rows] == ["gcd"] * 8 + ["sum"] * 18
        return [row.input for row in rows]

    plain, first, second = written(None), written(1), written(2)
    assert len({tuple(plain), tuple(first), tuple(second)}) == 3
    assert written(1) == first
