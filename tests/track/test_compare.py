"""What a list of runs tells of a run, so that nothing else need be asked of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataenvgym_spec.track.compare import DIGEST, RESULTS, Held, as_told, missing, tags
from dataenvgym_spec.track.runs import Metric, MetricPoint, RunRecord


def metric(key: str, step: int, value: float = 0.5, time: int = 7) -> Metric:
    return Metric(key=key, value=value, step=step, timestamp=time)


RECORD = RunRecord(
    id="tiny/a/seed-0",
    name="a",
    plan="p",
    start=1,
    end=9,
    metrics=(
        metric("selection/accuracy", 0),
        metric("selection/accuracy", 1),
        metric("data/skipped", 0),
        metric("spent/usd", 0),
        metric("spent/usd", 1),
    ),
)
LAST = (metric("selection/accuracy", 1), metric("data/skipped", 0), metric("spent/usd", 1))


def listed(*last: Metric, **more: Any) -> Held:
    """The run as a list shows it: complete, by its digests."""
    said = {**dict(tags(RECORD, None)), DIGEST: RECORD.digest, RESULTS: RECORD.results}
    points = frozenset(one.point for one in last or LAST)
    held = Held(run_id="r", name="a", status="FINISHED", start=1, end=9, tags=said, points=points)
    return replace(held, **more)


def points(metrics: Iterable[Metric]) -> frozenset[MetricPoint]:
    return frozenset(one.point for one in metrics)


def test_a_run_that_ends_as_it_should_is_told_with_all_of_its_points() -> None:
    told = as_told(RECORD, listed(), None, own=True)
    assert told is not None and told.points == {one.point for one in RECORD.metrics}


@pytest.mark.parametrize(
    "held",
    [
        listed(*LAST[1:]),
        listed(metric("selection/accuracy", 1, 0.25), *LAST[1:]),
        listed(metric("selection/accuracy", 2), *LAST[1:]),
        listed(*LAST, metric("selection/other", 0)),
        listed(*LAST[:2]),
        listed(name="b"),
        listed(status="RUNNING"),
        listed(params={"rate": "2"}),
        listed(datasets=frozenset({("other", "digest")})),
        listed(tags={**listed().tags, "dataenvgym.plan": "q"}),
        listed(tags={**listed().tags, DIGEST: "older"}),
    ],
)
def test_a_run_of_which_a_list_shows_anything_else_is_not_told(held: Held) -> None:
    assert as_told(RECORD, held, None, own=True) is None


def test_of_another_clones_run_results_count_and_circumstances_may_be_others() -> None:
    others = (*LAST[:2], metric("spent/usd", 1, 3.5, 99), metric("spent/gpu_seconds", 1))
    held = listed(*others, name="b", tags={**listed().tags, DIGEST: "theirs"})
    assert as_told(RECORD, held, None, own=False) is not None
    other = replace(held, tags={**held.tags, RESULTS: "others"})
    assert as_told(RECORD, other, None, own=False) is None


def test_curves_of_several_points_are_read_and_others_only_where_they_end_elsewhere() -> None:
    assert listed().untold(RECORD) == {"selection/accuracy", "spent/usd"}
    elsewhere = listed(metric("data/skipped", 3), metric("not/ours", 0))
    assert elsewhere.untold(RECORD) == {"data/skipped"}


AXIS = "selection/accuracy_by_seconds"


@pytest.mark.parametrize(
    ("there", "lacking"),
    [
        # The base student was evaluated last, and a taught one has as many right.
        ([(9, 0.5), (24, 0.75)], [0]),
        # Another clone took 11 seconds for the first student, and knew nothing of the base yet.
        ([(11, 0.5), (26, 0.75)], [0]),
        ([(0, 0.5), (11, 0.5), (26, 0.75)], []),
        ([(0, 0.5), (9, 0.5)], [24]),
        ([(0, 0.5), (9, 0.25), (24, 0.75)], [9]),
        ([], [0, 9, 24]),
    ],
)
def test_points_of_one_value_on_an_axis_of_seconds_are_told_apart(
    there: list[tuple[int, float]], lacking: list[int]
) -> None:
    record = replace(RECORD, metrics=(metric(AXIS, 0), metric(AXIS, 9), metric(AXIS, 24, 0.75)))
    held = listed(*(metric(AXIS, step, value) for step, value in there))
    assert [one.step for one in missing(record, held, None).metrics] == lacking


KEYS = (AXIS, "selection/accuracy", "spent/usd", "train/loss")
POINTS = st.lists(
    st.builds(metric, st.sampled_from(KEYS), st.integers(0, 3), st.sampled_from((0.25, 0.5))),
    unique_by=lambda one: (one.key, one.step),
)


@given(metrics=POINTS, data=st.data())
def test_what_is_missing_makes_any_part_of_a_run_whole(
    metrics: list[Metric], data: st.DataObject
) -> None:
    record = replace(RECORD, metrics=tuple(metrics))
    part = data.draw(st.lists(st.sampled_from(metrics), unique=True)) if metrics else []
    lacking = missing(record, replace(listed(), points=points(part)), None).metrics
    assert points([*part, *lacking]) == points(metrics) and not {*part} & {*lacking}


@given(mine=POINTS, theirs=POINTS)
def test_nothing_is_missing_twice(mine: list[Metric], theirs: list[Metric]) -> None:
    """Whatever another clone has logged."""
    record, there = replace(RECORD, metrics=tuple(mine)), points(theirs)
    lacking = missing(record, replace(listed(), points=there), None).metrics
    whole = replace(listed(), points=there | points(lacking))
    assert missing(record, whole, None).metrics == ()
