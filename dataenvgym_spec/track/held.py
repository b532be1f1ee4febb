"""What MLflow's client gives, as records. Nothing of MLflow is imported here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dataenvgym_spec.track.compare import Held
from dataenvgym_spec.track.runs import MetricPoint, comparable
from dataenvgym_spec.track.students import HeldStudent


def run_held(run: Any) -> Held:
    """A run as MLflow's client gives it."""
    return Held(
        run_id=run.info.run_id,
        name=run.info.run_name,
        status=run.info.status,
        start=run.info.start_time,
        end=run.info.end_time,
        place=run.info.artifact_uri,
        active=run.info.lifecycle_stage == "active",
        params=run.data.params,
        tags=run.data.tags,
        # Only as a message have they, in public, steps and times too.
        points=points_of(run.data.to_proto().metrics),
        datasets=frozenset(
            (item.dataset.name, item.dataset.digest) for item in run.inputs.dataset_inputs
        ),
        gives=models_of(run.outputs.model_outputs if run.outputs else None),
    )


def points_of(metrics: Iterable[Any]) -> frozenset[MetricPoint]:
    """Points of curves as MLflow gives them."""
    return frozenset(
        (point.key, point.step, point.timestamp, comparable(point.value)) for point in metrics
    )


def models_of(links: Sequence[Any] | None) -> frozenset[str]:
    """The ids of the logged models that a run read or gave."""
    return frozenset(link.model_id for link in links or ())


def student_held(model: Any) -> HeldStudent:
    """A logged model as MLflow's client gives it."""
    points = model.metrics or ()
    return HeldStudent(
        id=model.model_id,
        run=model.source_run_id,
        name=model.name,
        ready=model.status == "READY",
        params=model.params,
        tags=model.tags,
        facts=frozenset((point.key, point.step, comparable(point.value)) for point in points),
    )
