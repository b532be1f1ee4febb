"""What a server holds of a run against what its record says. Pure: no MLflow.

A server can add to a run but not take back: a param, a point of a curve or an input that is wrong
stays wrong, so a run that contradicts its record is another run. A run that has more than its
record, by the same plan, is not wrong: another clone of the repository has got further.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.records.files import parse_json
from dataenvgym_spec.track.runs import (
    AXES,
    PARAMS,
    Artifact,
    Dataset,
    Fact,
    Metric,
    MetricPoint,
    RunRecord,
    is_circumstance,
)

ID: Final = "dataenvgym.id"
PLAN: Final = "dataenvgym.plan"
DIGEST: Final = "dataenvgym.digest"
RESULTS: Final = "dataenvgym.results"
ARTIFACTS: Final = "dataenvgym.artifacts"
READS: Final = "dataenvgym.reads"
"""The students that went into a run, by the server's ids."""
PARENT: Final = "mlflow.parentRunId"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A run as a server holds it.

    `place` is the address of its artifacts, `active` says that it is not in the bin, `points` is
    those of its curves that are known, of each at least the last, `files` the size of every
    artifact by path, `gives` the students that came out of it, by the server's ids.
    """

    run_id: str
    name: str
    status: str
    start: int
    end: int | None
    place: str = ""
    active: bool = True
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    points: frozenset[MetricPoint] = frozenset()
    datasets: frozenset[tuple[str, str]] = frozenset()
    files: Mapping[str, int] = field(default_factory=dict)
    gives: frozenset[str] = frozenset()

    @property
    def curves(self) -> frozenset[str]:
        """The names of its curves."""
        return frozenset(key for key, _, _, _ in self.points)

    @property
    def facts(self) -> frozenset[Fact]:
        """Its points without their times."""
        return frozenset((key, step, value) for key, step, _, value in self.points)

    def untold(self, record: RunRecord) -> frozenset[str]:
        """Curves whose last points do not tell what they lack of a record.

        A last point tells that of a curve of which the record has one point, at the same step, and
        of one that it does not have.
        """
        steps: dict[str, set[int]] = {}
        for metric in record.metrics:
            steps.setdefault(metric.key, set()).add(metric.step)
        last = {key: {step} for key, step, _ in self.facts}
        both = self.curves & steps.keys()
        return frozenset(key for key in both if steps[key] != last[key])


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """What a server lacks of a run."""

    name: bool
    end: bool
    params: tuple[tuple[str, str], ...]
    metrics: tuple[Metric, ...]
    tags: tuple[tuple[str, str], ...]
    datasets: tuple[Dataset, ...]
    artifacts: tuple[Artifact, ...]

    @property
    def count(self) -> int:
        """How many things are missing."""
        many = (self.params, self.metrics, self.tags, self.datasets, self.artifacts)
        return self.name + self.end + sum(len(part) for part in many)


def as_told(record: RunRecord, held: Held, parent: str | None, *, own: bool) -> Held | None:
    """A run that is complete by its digest and by all that a list of runs shows; None otherwise.

    Of its curves a list shows the last points; what is before them, and its files, the digest
    stands for.

    Args:
        record: what it should hold.
        held: the run as it is listed.
        parent: the server's name for the parent run.
        own: whether this clone made the run, as for `missing`.
    """
    name, wanted = (DIGEST, record.digest) if own else (RESULTS, record.results)
    if held.tags.get(name) != wanted or not _ends_alike(record, held):
        return None
    points = frozenset(metric.point for metric in record.metrics)
    whole = replace(held, points=points, files=record.files)
    lacking = missing(record, whole, parent, own=own)
    return None if lacking.count or contradictions(record, whole) else whole


def _ends_alike(record: RunRecord, held: Held) -> bool:
    """Whether curves of results end at the same points, and those of circumstances are there.

    What is measured twice has other circumstances, and another clone may have more of them.
    """
    ends: dict[str, Metric] = {}
    # The order by which MLflow decides which point is the last.
    for metric in sorted(record.metrics, key=lambda one: (one.step, one.timestamp)):
        ends[metric.key] = metric
    facts = {metric.fact for key, metric in ends.items() if not is_circumstance(key)}
    last = {fact for fact in held.facts if not is_circumstance(fact[0])}
    return facts == last and ends.keys() <= held.curves


def contradictions(record: RunRecord, held: Held) -> list[str]:
    """What the server says of a run that its record does not, and that cannot be taken back.

    Circumstances contradict nothing: another clone may have come to the same results elsewhere.
    """
    if held.tags.get(PLAN) != record.plan:
        return ["it was made by another plan (other settings or stages)"]
    return [
        *_wrong_params(record, held),
        *_wrong_points(record, held),
        *_wrong_datasets(record, held),
    ]


def _wrong_params(record: RunRecord, held: Held) -> Iterator[str]:
    params = dict(record.params)
    for key, value in sorted(held.params.items()):
        if key.startswith(PARAMS):
            continue
        if key in params and params[key] != value:
            yield f"param {key} is '{value}', not '{params[key]}'"
        elif key not in params and record.end is not None:
            yield f"param {key} is not of this run"


def _wrong_points(record: RunRecord, held: Held) -> Iterator[str]:
    """Points of a curve that the record does not have.

    Of a run that goes on only those at a step that the record has: it may have got further.
    """
    wanted = {metric.fact for metric in record.metrics}
    places = {fact[:2] for fact in wanted}
    for key, step, value in sorted(held.facts - wanted, key=str):
        if is_circumstance(key):
            continue
        if record.end is not None or (key, step) in places:
            yield f"metric {key} at step {step} has a point that is not of this run: {value}"


def _wrong_datasets(record: RunRecord, held: Held) -> Iterator[str]:
    datasets = {(item.name, item.digest) for item in record.datasets}
    names = {name for name, _ in datasets}
    for name, digest in sorted(held.datasets - datasets):
        if record.end is not None or name in names:
            yield f"input '{name}' ({digest[:8]}) is not of this run"


def missing(record: RunRecord, held: Held, parent: str | None, *, own: bool = True) -> Missing:
    """What the server lacks of a run.

    Args:
        record: what it should hold.
        held: what it holds.
        parent: the server's name for the parent run.
        own: whether this clone made the run, and its circumstances are those that are shown. Of
            another's run only what is not there at all is missing.
    """
    ended = held.status == record.status and (held.end == record.end or not own)
    params = [pair for pair in record.params if pair[0] not in held.params]
    absent = [pair for pair in tags(record, parent) if held.tags.get(pair[0]) != pair[1]]
    if not own:
        absent = [pair for pair in absent if pair[0] not in held.tags]
    return Missing(
        name=own and held.name != record.name,
        end=record.end is not None and not ended,
        params=tuple(params),
        metrics=tuple(_missing_metrics(record, held)),
        tags=tuple(absent),
        datasets=tuple(_missing_datasets(record, held)),
        artifacts=tuple(_missing_artifacts(record, held, own=own)),
    )


def _missing_metrics(record: RunRecord, held: Held) -> Iterator[Metric]:
    """Points whose results are not there; circumstances only where none are there."""
    there = held.facts | _at_other_steps(record, held)
    places = {
        (key, step) for key, step, _ in held.facts if is_circumstance(key) and key not in AXES
    }
    for metric in record.metrics:
        if metric.fact not in there and (metric.key, metric.step) not in places:
            yield metric


def _at_other_steps(record: RunRecord, held: Held) -> set[Fact]:
    """Points that are there at other steps: on an axis of seconds everybody has others.

    Their values tell. Of several of one value, each that is there stands for the nearest one.
    """
    left = {metric.fact for metric in record.metrics if metric.key in AXES}
    more = {fact for fact in held.facts if fact[0] in AXES} - left
    left -= held.facts
    found: set[Fact] = set()
    for key, step, value in sorted(more, key=str):
        alike = [one for one in left - found if (one[0], one[2]) == (key, value)]
        if alike:
            found.add(min(alike, key=lambda one: (abs(one[1] - step), one[1])))
    return found


def _missing_datasets(record: RunRecord, held: Held) -> Iterator[Dataset]:
    for item in record.datasets:
        if (item.name, item.digest) not in held.datasets:
            yield item


def _missing_artifacts(record: RunRecord, held: Held, *, own: bool) -> Iterator[Artifact]:
    """Those that were never uploaded, were as another content, or lost bytes since."""
    uploaded = _uploaded(held)
    for item in record.artifacts:
        if item.circumstance and not own and item.path in uploaded:
            continue
        whole = held.files.get(item.path) == item.size
        if uploaded.get(item.path) != item.digest or not whole:
            yield item


def _uploaded(held: Held) -> dict[str, str]:
    """The digest of every artifact when it was uploaded, by path."""
    try:
        content = parse_json(held.tags.get(ARTIFACTS, "{}"))
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def tags(record: RunRecord, parent: str | None) -> tuple[tuple[str, str], ...]:
    """The tags of a run but for its digest, which is set last, when all the rest is there."""
    pairs = [*record.tags, (ID, record.id), (PLAN, record.plan)]
    pairs.append(("mlflow.source.name", "dataenvgym"))
    if parent:
        pairs.append((PARENT, parent))
    return tuple(pairs)


def artifacts_tag(record: RunRecord) -> str:
    """The content of a run's artifacts, as a tag."""
    return canonical({item.path: item.digest for item in record.artifacts})


def describe(lack: Missing) -> list[str]:
    """What is missing, in words."""
    words = []
    if lack.name:
        words.append("its name differs")
    if lack.end:
        words.append("its status or end time differs")
    words += [f"param {key} is missing" for key, _ in lack.params]
    words += [f"metric {metric.key} lacks step {metric.step}" for metric in lack.metrics]
    words += [f"tag {key} is missing or differs" for key, _ in lack.tags]
    words += [f"input '{item.name}' is missing" for item in lack.datasets]
    words += [f"artifact {item.path} is missing or differs" for item in lack.artifacts]
    return words
