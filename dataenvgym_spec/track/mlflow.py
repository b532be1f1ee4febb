"""An MLflow server as records in and out.

The only importer of mlflow, and only when it is called, for that takes seconds.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

from dataenvgym_spec.core.errors import MissingExtra, UserError
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.track.address import DEFAULTS, is_database, shown, uri_of
from dataenvgym_spec.track.changes import Changes
from dataenvgym_spec.track.clones import clone_of
from dataenvgym_spec.track.compare import ARTIFACTS, ID, READS, Held, Missing, artifacts_tag
from dataenvgym_spec.track.held import models_of, points_of, run_held, student_held
from dataenvgym_spec.track.refusals import despite_others, refusal
from dataenvgym_spec.track.runs import Artifact, Dataset, Metric, RunRecord, Student
from dataenvgym_spec.track.students import EXPERIMENT, HeldStudent

T = TypeVar("T")
Pairs = Sequence[tuple[str, str]]

MAKE_ANEW: Final = (
    "run: rm -r mlflow.db mlartifacts   "
    "(everything of dataenvgym in it comes back with: dataenvgym track)"
)

PARAMS, METRICS, TAGS = 100, 1000, 100
"""MLflow's limits of one batch."""


@contextmanager
def reaching(uri: str) -> Iterator[None]:
    """Turns what MLflow raises into one error with a remedy, and without a password.

    Raises:
        TrackingUnavailable: the server cannot be reached or refuses; `Forbidden`, `Overtaken`.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError, ModuleNotFoundError) as error:
        status = error.get_http_status_code() if isinstance(error, MlflowException) else None
        raise refusal(error, status, uri) from error


def connect(layout: Layout) -> Server:
    """Opens the tracking server; a database is made if there is none.

    Raises:
        MissingExtra: mlflow is not installed.
        TrackingUnavailable: the address is none, or the database cannot be opened.
    """
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow import MlflowClient
    except ModuleNotFoundError as error:
        raise MissingExtra("mlflow", "track", "tracking") from error
    for name in ("alembic", "mlflow"):
        # What goes wrong is raised as well; its log has the traceback.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    uri = uri_of(layout)
    private = not os.environ.get("MLFLOW_TRACKING_URI")
    with reaching(uri):
        if private:
            _make_whole(layout.database, layout.private)
        client = MlflowClient(tracking_uri=uri)
    return Server(
        client=client,
        uri=uri,
        shown=shown(uri),
        artifacts=layout.root / "mlartifacts" if is_database(uri) else None,
        private=private,
        clone=clone_of(layout),
    )


def _make_whole(database: Path, private: Path) -> None:
    """Makes a clone's own database, unless it is there; killed at any moment it is whole or not.

    MLflow makes its tables one after the other, and with some of them there makes no others.
    """
    from mlflow import MlflowClient

    if database.exists():
        return
    private.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=private) as folder:
        draft = Path(folder) / database.name
        MlflowClient(tracking_uri=f"sqlite:///{draft}").search_experiments(max_results=1)
        try:
            database.hardlink_to(draft)
        except FileExistsError:  # another process was faster
            return
        except OSError:  # a file system without links
            draft.rename(database)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A tracking server or database.

    Attributes:
        client: MLflow's client.
        uri: where it is.
        shown: the same without a password.
        artifacts: the folder of runs' files where the client decides that (a database), else None.
        private: whether it is this clone's own database.
        clone: the name of this clone of the repository.
    """

    client: Any
    uri: str
    shown: str
    artifacts: Path | None
    private: bool
    clone: str

    def find(self, name: str) -> str | None:
        """The id of an experiment; None if there is none or it is in the bin.

        Raises:
            UserError: the clone's own database belongs to another folder.
        """
        there = self.client.get_experiment_by_name(name)
        if there is not None and self.private and there.artifact_location != self._location(name):
            where = f"it keeps files in {there.artifact_location}"
            raise UserError(f"'mlflow.db' was made in another folder: {where}", help=MAKE_ANEW)
        if there is None or there.lifecycle_stage != "active":
            return None
        return str(there.experiment_id)

    def experiment(self, name: str) -> str:
        """The id of an experiment, made or taken out of the bin if need be."""
        found = self.find(name)
        if found is not None:
            return found
        binned = self.client.get_experiment_by_name(name)
        if binned is not None:
            self.client.restore_experiment(binned.experiment_id)
            return str(binned.experiment_id)
        kind = {"mlflow.experimentKind": "custom_model_development"}
        return str(
            self.client.create_experiment(name, artifact_location=self._location(name), tags=kind)
        )

    def experiment_tags(self, experiment: str) -> dict[str, str]:
        """The tags of an experiment."""
        return dict(self.client.get_experiment(experiment).tags)

    def tag_experiment(self, experiment: str, tags: Pairs) -> None:
        """Sets tags of an experiment."""
        for name, value in tags:
            self.client.set_experiment_tag(experiment, name, value)

    def remove_if_empty(self, experiment: str) -> None:
        """Puts an experiment into the bin if no run is left in it."""
        if not self.client.search_runs([experiment], max_results=1):
            self.client.delete_experiment(experiment)

    def _location(self, name: str) -> str | None:
        return (self.artifacts / name).as_uri() if self.artifacts else None

    def runs(self, experiment: str, name: str) -> dict[str, list[Held]]:
        """The runs of one of our experiments, by their id in the records.

        With the last point of each curve and without files, the oldest first.
        """
        mine = f"{name}/"
        out: dict[str, list[Held]] = {}
        token = None
        while True:
            page = self.client.search_runs(
                [experiment],
                # Without it each of a sweep's points would read the runs of all.
                filter_string=f"tags.`{ID}` LIKE '{mine}%'",
                max_results=1000,
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
            for run in page:
                # To LIKE an underscore is any character.
                if run.data.tags[ID].startswith(mine):
                    out.setdefault(run.data.tags[ID], []).append(run_held(run))
            token = page.token
            if not token:
                return out

    def again(self, run_id: str) -> Held:
        """A run as it is now, also if it is in the bin."""
        return run_held(self.client.get_run(run_id))

    def look_into(self, run: Held, record: RunRecord | None = None) -> Held:
        """A run as it is now, with its curves and files.

        MLflow's client asks for each of them by itself. Of a run that should hold a `record`
        nothing is asked that its last points and its tags tell.
        """
        run = self.again(run.run_id)
        curves = run.curves if record is None else run.untold(record)
        told = frozenset(point for point in run.points if point[0] not in curves)
        read = (self.client.get_metric_history(run.run_id, key) for key in sorted(curves))
        files = dict(self._files(run)) if record is None else record.files
        return replace(run, points=told.union(*map(points_of, read)), files=files)

    def _files(self, run: Held) -> Iterator[tuple[str, int]]:
        """The artifacts of a run and their sizes."""
        if run.tags.get(ARTIFACTS, "{}") == "{}":
            return
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        # The client would ask for the run and for models that it logged, for each folder again.
        place = get_artifact_repository(run.place, tracking_uri=self.uri)
        folders: list[str | None] = [None]
        while folders:
            for item in place.list_artifacts(folders.pop()):
                if item.is_dir:
                    folders.append(item.path)
                else:
                    yield item.path, item.file_size

    def students(self, experiment: str, name: str) -> dict[str, list[HeldStudent]]:
        """The logged models of one of our experiments, by the server's id of their run.

        The oldest first.
        """
        out: dict[str, list[HeldStudent]] = {}
        token = None
        while True:
            page = self.client.search_logged_models(
                [experiment],
                filter_string=f"tags.`{EXPERIMENT}` = '{name}'",
                order_by=[{"field_name": "creation_timestamp", "ascending": True}],
                page_token=token,
            )
            for model in page:
                out.setdefault(model.source_run_id, []).append(student_held(model))
            token = page.token
            if not token:
                return out

    def create_student(
        self, experiment: str, run_id: str, student: Student, tags: Pairs
    ) -> HeldStudent:
        """Makes a logged model with nothing but its name, params and tags."""
        return student_held(
            self.client.create_logged_model(
                experiment,
                name=student.name,
                source_run_id=run_id,
                tags=dict((*student.tags, *tags)),
                params=dict(student.params),
                model_type="student",
            )
        )

    def add_to_student(
        self, student: HeldStudent, tags: Pairs, metrics: Sequence[Metric], *, ready: bool
    ) -> None:
        """Adds what a logged model lacks; its metrics are points of its run, too."""
        if tags:
            self.client.set_logged_model_tags(student.id, dict(tags))
        points = [_point(metric, student.id) for metric in metrics]
        if points:
            self.client.log_batch(student.run, metrics=points, synchronous=True)
        if not ready:
            self.client.finalize_logged_model(student.id, "READY")

    def remove_student(self, student: str) -> None:
        """Puts a logged model into the bin."""
        self.client.delete_logged_model(student)

    def link(self, run_id: str, *, reads: Sequence[str], gives: Sequence[str]) -> None:
        """Makes logged models what a run has read or given."""
        from mlflow.exceptions import MlflowException

        despite_others(lambda: self._link(run_id, reads, gives), MlflowException)
        if reads:
            self.tag(run_id, ((READS, " ".join(reads)),))

    def _link(self, run_id: str, reads: Sequence[str], gives: Sequence[str]) -> None:
        """Logs those that the server does not have by now: it looks at none, and twice fails."""
        from mlflow.entities import LoggedModelInput, LoggedModelOutput

        run = self.client.get_run(run_id)
        held = models_of(run.inputs.model_inputs)
        read = [LoggedModelInput(name) for name in reads if name not in held]
        if read:
            self.client.log_inputs(run_id, models=read)
        held = models_of(run.outputs.model_outputs if run.outputs else None)
        given = [LoggedModelOutput(name, step=0) for name in gives if name not in held]
        if given:
            self.client.log_outputs(run_id, models=given)

    def create(self, experiment: str, record: RunRecord, tags: Pairs) -> Held:
        """Makes a run with nothing but its name, start and tags."""
        return run_held(
            self.client.create_run(
                experiment, start_time=record.start, tags=dict(tags), run_name=record.name
            )
        )

    def remove(self, run_id: str) -> None:
        """Puts a run into the bin."""
        self.client.delete_run(run_id)

    def restore(self, run_id: str) -> None:
        """Takes a run out of the bin."""
        self.client.restore_run(run_id)

    def untag(self, run_id: str, name: str) -> None:
        """Takes a tag away."""
        self.client.delete_tag(run_id, name)

    def tag(self, run_id: str, tags: Pairs) -> None:
        """Sets tags."""
        from mlflow.entities import RunTag

        for some in _batches(tags, TAGS):
            self.client.log_batch(run_id, tags=[RunTag(*pair) for pair in some], synchronous=True)

    def add(self, record: RunRecord, run_id: str, lack: Missing, changes: Changes) -> None:
        """Logs what a run lacks, and counts it.

        MLflow takes the same point, param or input twice for one, so it can be cut off at any
        moment.
        """
        from mlflow.entities import Param
        from mlflow.exceptions import MlflowException

        self.tag(run_id, lack.tags)
        changes.logged += len(lack.tags)
        for some in _batches(lack.params, PARAMS):
            self.client.log_batch(run_id, params=[Param(*pair) for pair in some], synchronous=True)
            changes.logged += len(some)
        for many in _batches(lack.metrics, METRICS):
            self.client.log_batch(run_id, metrics=list(map(_point, many)), synchronous=True)
            changes.logged += len(many)
        if lack.datasets:
            inputs = [_input(item) for item in lack.datasets]
            log = partial(self.client.log_inputs, run_id, datasets=inputs)
            despite_others(log, MlflowException)
            changes.logged += len(inputs)
        for artifact in lack.artifacts:
            self._upload(run_id, artifact)
            changes.logged += 1
        if lack.artifacts:
            self.tag(run_id, ((ARTIFACTS, artifacts_tag(record)),))
        if lack.name:
            self.client.update_run(run_id, name=record.name)
        if lack.end:
            self.client.set_terminated(run_id, status=record.status, end_time=record.end)
        changes.logged += lack.name + lack.end

    def _upload(self, run_id: str, item: Artifact) -> None:
        if item.file is None:
            self.client.log_text(run_id, item.text, item.path)
        else:
            folder = PurePosixPath(item.path).parent.as_posix()
            self.client.log_artifact(run_id, str(item.file), None if folder == "." else folder)


def _batches(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (values[start : start + size] for start in range(0, len(values), size))


def _point(metric: Metric, student: str | None = None) -> Any:
    from mlflow.entities import Metric as Logged

    return Logged(
        key=metric.key,
        value=metric.value,
        timestamp=metric.timestamp,
        step=metric.step,
        model_id=student,
    )


def _input(item: Dataset) -> Any:
    from mlflow.entities import Dataset as Logged
    from mlflow.entities import DatasetInput, InputTag

    source, profile = json.dumps({"uri": item.source}), json.dumps({"num_rows": item.rows})
    data = Logged(
        name=item.name, digest=item.digest, source_type="local", source=source, profile=profile
    )
    return DatasetInput(dataset=data, tags=[InputTag("mlflow.data.context", item.context)])
