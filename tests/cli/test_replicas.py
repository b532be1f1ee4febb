"""What is said of stages that were computed again: promises, and scores beside the noise floor."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pytest

from dataenvgym_spec.cli.replicas import evaluated, lines, record, trained
from dataenvgym_spec.records.replicas import PortReplica, Replica, ScoreReplica
from dataenvgym_spec.report.noise import plain
from dataenvgym_spec.results.evidence.floor import Drawing, Floor, Spread
from dataenvgym_spec.results.noise import UNKNOWN


def replica(**more: Any) -> Replica:
    score = ScoreReplica(
        split="test", before=0.5, after=0.6, items=10, gained=1, lost=0, reworded=2
    )
    facts = {"stage": "evaluate-1", "kind": "evaluate", "label": "main, evaluate", "arm": "main", "promise": "same-machine"}  # fmt: skip
    ports = (PortReplica(name="test", equal=False, files=("results.jsonl",)),)
    base = {"owed": False, "outcome": "different", "ports": ports, "scores": (score,), "circumstances": ("torch: 1 / 2",)}  # fmt: skip
    return Replica(**{**facts, **base, **more})


def spread(*scores: float) -> Spread | None:
    return Spread(own=0.5, scores=scores, moved=(0.0,) * len(scores)) if scores else None


def floor(*scores: float, retrain: tuple[float, ...] = ()) -> Floor:
    return Floor(
        arm="main", seed=0, iteration=1, split="test", items=10, reevaluate=spread(*scores), retrain=spread(*retrain), varied=(), not_measured=(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        (None, "noise floor of evaluations: not measured"),
        (floor(), "noise floor of evaluations: not measured"),
        (floor(0.5, 0.5), "beyond the noise floor of evaluations, 0.0 points"),
        (floor(0.4, 0.6), "within the noise floor of evaluations, 60.8 points"),
    ],
)
def test_a_score_stands_beside_the_noise_floor(measured: Floor | None, said: str) -> None:
    told = "\n".join(lines([replica()], measured))
    assert "test: 50.0% before, 60.0% now; of 10 items 1 right now alone, 0 before alone" in told
    assert said in told
    assert record([replica()], measured)["floor"] == plain(evaluated(measured))


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        (None, "noise floor of trainings: not measured"),
        # Evaluations that were done again say nothing of trainings.
        (floor(0.4, 0.6), "noise floor of trainings: not measured"),
        (floor(retrain=(0.5, 0.5)), "beyond the noise floor of trainings, 0.0 points"),
        (floor(0.5, 0.5, retrain=(0.4, 0.6)), "within the noise floor of trainings, 60.8 points"),
    ],
)
def test_a_student_that_was_trained_again_stands_beside_the_floor_of_trainings(
    measured: Floor | None, said: str
) -> None:
    again = replica(kind="train", stage="train-1", asked=1)
    told = "\n".join(lines([again], measured))
    assert said in told and "floor of evaluations" not in told
    assert "both students answered now" not in told
    assert "both students answered now" in "\n".join(lines([replica(kind="train", asked=2)]))
    (row,) = record([again], measured)["stages"]
    assert row["scores"][0]["noise_floor"] == plain(trained(measured, 10))
    # What copies of a training say is not of the base student's own.
    base = "\n".join(lines([replica(kind="student", asked=1)], measured))
    assert "noise floor of trainings: not measured" in base


def test_of_fewer_items_and_of_another_test_set_the_floor_is_not_that_of_the_copies() -> None:
    measured = floor(0.4, 0.6)
    assert evaluated(measured, 5) > evaluated(measured, 10) == evaluated(measured)
    told = "\n".join(lines([replica(elsewhere=True)], measured))
    assert "noise floor of evaluations: not measured" in told


@pytest.mark.parametrize("kind", ["evaluate", "train"])
def test_beside_answers_that_are_drawn_or_of_another_sort_of_items_greedy_copies_are_no_floor(
    kind: str,
) -> None:
    measured = floor(0.4, 0.6, retrain=(0.4, 0.6))
    assert "floor of" in _told(measured, kind) and UNKNOWN not in _told(measured, kind)
    drawn = dataclasses.replace(measured, drawings={"main": Drawing(0.7), "other": None})
    assert UNKNOWN in _told(drawn, kind)
    assert UNKNOWN not in _told(drawn, kind, arm="other")
    (score,) = replica().scores
    shown = msgspec.structs.replace(score, split="shown")
    assert UNKNOWN in _told(measured, kind, scores=(shown,)), "no copy answers feedback"


def _told(measured: Floor, kind: str, **more: Any) -> str:
    """What is said of a stage, and of its floor for programs."""
    again = replica(kind=kind, **more)
    (row,) = record([again], measured)["stages"]
    return "\n".join((*lines([again], measured), str(row["scores"][0]["noise_floor"])))


def test_only_what_is_owed_breaks_a_promise() -> None:
    assert not replica().broken and replica(owed=True).broken
    assert replica(outcome="failed").broken and not replica(outcome="skipped", owed=True).broken
    assert "ran otherwise: torch: 1 / 2" in "\n".join(lines([replica()]))
    assert list(lines([replica(owed=True)]))[-1] == "1 stage did not keep what is promised"
    assert record([replica(owed=True)])["kept"] is False


def test_hostile_names_do_not_talk_to_the_terminal() -> None:
    told = "\n".join(lines([replica(label="\x1b[2J\u202e", reason="\x07")]))
    assert told.isprintable() or set(filter(lambda one: not one.isprintable(), told)) == {"\n"}
