"""Works as array jobs: what Slurm is told makes each task wait for just what its work waits for."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dataenvgym_spec.graph.ir import Graph
from dataenvgym_spec.schedule.protocol import Needs, Work
from dataenvgym_spec.schedule.shards import shared
from dataenvgym_spec.schedule.slurm.arrays import Arranger, Batch, Place, levels
from dataenvgym_spec.schedule.slurm.queue import shape
from tests.support.graphs import compiled
from tests.support.specs import tiny


def submitted(works: Sequence[Work], most: int = 1000) -> tuple[list[Batch], dict[str, Place]]:
    """What is submitted of works, and where each is."""
    places, made, numbers = dict[str, Place](), list[Batch](), itertools.count(1)
    arranger = Arranger(shape, most)
    for level in levels(works):
        for batch in arranger.batches(level, places):
            number = str(next(numbers))
            tasks = batch.tasks or (None,)
            added = zip(batch.works, (Place(number, task) for task in tasks), strict=True)
            places |= {work.id: place for work, place in added}
            made.append(batch)
    return made, places


def check(works: Sequence[Work], made: Sequence[Batch], places: dict[str, Place]) -> None:
    """Each work is submitted once, behind just what it waits for, and beside its equals."""
    assert sorted(work.id for batch in made for work in batch.works) == sorted(places)
    assert places.keys() == {work.id for work in works}
    assert len({*places.values()}) == len(places)
    for batch in made:
        assert len({shape(work) for work in batch.works}) == 1
        assert (batch.tasks is None) == (len(batch.works) == 1)
        for work in batch.works:
            own = places[work.id].task
            waits = {*batch.after, *(Place(job, own) for job in batch.along)}
            assert waits == {places[name] for name in work.after}


def a_work(name: str, *after: str, cpus: int = 1) -> Work:
    needs = Needs(cpus=cpus)
    return Work(id=name, targets=(), after=frozenset(after), needs=needs)


@st.composite
def studies(draw: st.DrawFn) -> list[Work]:
    """Works of some kinds and needs, each behind any of those before it."""
    works: list[Work] = []
    for number in range(draw(st.integers(1, 25))):
        names = [work.id for work in works]
        after = draw(st.sets(st.sampled_from(names), max_size=3)) if names else set()
        kind = draw(st.sampled_from(["train", "evaluate"]))
        works.append(a_work(f"{kind}-{number}", *after, cpus=draw(st.integers(1, 2))))
    return works


@given(studies(), st.integers(1, 5))
def test_each_waits_for_what_it_has_to_and_nothing_else(works: list[Work], most: int) -> None:
    made, places = submitted(works, most)
    check(works, made, places)
    assert all(len(batch.works) <= most for batch in made)
    assert all(max(batch.tasks or (0,)) < most for batch in made)


def test_chains_side_by_side_are_an_array_for_each_step() -> None:
    lanes, steps = range(9), ("plan", "generate", "check", "train")
    works = [a_work("evaluate-0")]
    for lane in lanes:
        before = "evaluate-0"
        for step in steps:
            works.append(a_work(f"{step}-{lane}", before))
            before = f"{step}-{lane}"
        # Two of one kind behind each, and one that waits for both and for what all of them do.
        works += [a_work(f"evaluate-{lane}a", before), a_work(f"evaluate-{lane}b", before)]
        works.append(
            a_work(f"select-{lane}", f"evaluate-{lane}a", f"evaluate-{lane}b", "evaluate-0")
        )
    made, places = submitted(works)
    check(works, made, places)
    assert len(works) == 9 * 7 + 1
    assert [len(batch.works) for batch in made] == [1, 9, 9, 9, 9, 9, 9, 9]
    assert made[1].dependency() == "afterok:1"
    assert made[2].dependency() == "aftercorr:2"
    assert made[-1].dependency() == "afterok:1,aftercorr:6:7"


def test_what_needs_more_is_another_array() -> None:
    works = [a_work(f"train-{number}", cpus=1 + number % 2) for number in range(6)]
    made, places = submitted(works)
    check(works, made, places)
    assert sorted(len(batch.works) for batch in made) == [3, 3]


POWERS = {"even": 0.0, "steady": 1.0, "steep": 2.0}
"""Arms, by how sharply their policy turns to what the student cannot do."""


def test_shards_of_a_stage_are_one_array() -> None:
    works = list(shared(a_work("evaluate-7"), 4))
    made, places = submitted(works)
    check(works, made, places)
    assert [len(batch.works) for batch in made] == [4, 1]
    assert made[1].works[0].id == "evaluate-7"


def works_of(graph: Graph) -> list[Work]:
    """Its stages, each with what it waits for."""
    by_id = graph.by_id()
    return [
        a_work(stage.directory, *(by_id[read.stage].directory for read in stage.inputs))
        for stage in graph.stages
    ]


def test_a_study_is_a_few_dozen_submissions(tmp_path: Path) -> None:
    """Three arms, three seeds, two iterations, and the same with another learning rate: docs/clusters.md has these figures."""
    arms = {name: {"agent": {"policy": {"power": power}}} for name, power in POWERS.items()}
    text = tiny(
        arms={"with-state": None, "no-state": None, **arms},
        analysis=None,
        seeds={"run": [0, 1, 2]},
        matrix={"student.train.learning_rate": [1e-3, 2e-3]},
    )
    works = works_of(compiled(tmp_path, text))
    made, places = submitted(works)
    check(works, made, places)
    assert (len(works), len(made)) == (270, 34)
