"""What came of computing stages again: for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from dataenvgym_spec.cli.common import plural, sums_of
from dataenvgym_spec.core.errors import visible
from dataenvgym_spec.core.text import duration_text
from dataenvgym_spec.records.replicas import Replica, ScoreReplica
from dataenvgym_spec.report import noise
from dataenvgym_spec.results.evidence.floor import Floor
from dataenvgym_spec.results.noise import UNKNOWN, is_of

OUTCOMES: Final = ("equal", "different", "skipped", "failed")
PROMISED: Final = {
    "anywhere": "equal bytes are promised anywhere",
    "same-machine": "equal bytes are promised on the same machine",
    "none": "equal bytes are not promised",
}


def lines(replicas: Sequence[Replica], floor: Floor | None = None) -> Iterator[str]:
    """All stages in words: those that are equal as counts, each other one by itself.

    Args:
        replicas: the stages.
        floor: the noise floor of their experiment.
    """
    seconds = sum(replica.seconds for replica in replicas)
    counts = Counter(replica.outcome for replica in replicas)
    stages = plural(len(replicas), "stage")
    told = sums_of(counts, OUTCOMES)
    yield f"{stages} computed again in {duration_text(seconds)}: {told}"
    for kind in dict.fromkeys(replica.kind for replica in replicas):
        mine = [replica for replica in replicas if replica.kind == kind]
        yield f"  {kind or 'unread':9} {sums_of(Counter(one.outcome for one in mine), OUTCOMES)}"
    for replica in replicas:
        if replica.outcome != "equal":
            yield from _replica_lines(replica, floor)
    yield verdict(replicas)


def verdict(replicas: Sequence[Replica]) -> str:
    """What it comes to."""
    broken = [replica for replica in replicas if replica.broken]
    owed = [one for one in replicas if one.owed and one.outcome in ("equal", "different")]
    if broken:
        return f"{plural(len(broken), 'stage')} did not keep what is promised"
    if not owed:
        return "no bytes were promised here, so that none could be different"
    return f"all that promise equal bytes here gave them: {plural(len(owed), 'stage')}"


def _replica_lines(replica: Replica, floor: Floor | None) -> Iterator[str]:
    yield f"{replica.outcome:9} {visible(replica.label)}, store/{replica.stage}"
    if replica.reason:
        yield f"   {visible(replica.reason)}"
    if replica.outcome != "different":
        return
    for port in replica.ports:
        if not port.equal:
            yield f"   port {port.name}: {', '.join(map(visible, port.files))}"
    for score in replica.scores:
        yield f"   {_score(score)}"
        yield f"   {_beside(replica, score, floor)}"
    if replica.asked > 1:
        yield f"   {_BOTH}"
    if replica.circumstances:
        yield f"   ran otherwise: {'; '.join(map(visible, replica.circumstances))}"
    kept = "and were not given" if replica.owed else "here not"
    said = PROMISED[replica.promise]
    yield f"   {said}" if replica.promise == "none" else f"   {said}, {kept}"


def _score(score: ScoreReplica) -> str:
    who = "" if score.iteration is None else f", student of iteration {score.iteration}"
    moved = f"{score.gained} right now alone, {score.lost} before alone"
    values = f"{100 * score.before:.1f}% before, {100 * score.after:.1f}% now"
    return (
        f"{score.split}{who}: {values}; of {plural(score.items, 'item')} {moved}, "
        f"{score.reworded} of another text"
    )


_BOTH: Final = (
    "both students answered now: the stored answers are of another student, or were given under "
    "other circumstances"
)


def _beside(replica: Replica, score: ScoreReplica, floor: Floor | None) -> str:
    """The noise floor beside a score: that of evaluations, or of trainings."""
    sort = "evaluations" if replica.kind == "evaluate" else "trainings"
    width = beside(replica, score, floor)
    if width is None:
        return f"noise floor of {sort}: {UNKNOWN}"
    side = "beyond" if abs(score.after - score.before) > width else "within"
    return f"{side} the noise floor of {sort}, {100 * width:.1f} points"


def beside(replica: Replica, score: ScoreReplica, floor: Floor | None) -> float | None:
    """What a score that was computed again stays within by chance alone; None if not measured."""
    if floor is None or replica.elsewhere or not is_of(floor, score.split, replica.arm):
        return None
    if replica.kind == "evaluate":
        return evaluated(floor, score.items)
    return trained(floor, score.items) if replica.kind == "train" else None


def evaluated(floor: Floor | None, items: int | None = None) -> float | None:
    """What two evaluations of one student stay within by chance alone; None if not measured.

    Args:
        floor: the noise floor of the experiment.
        items: how many were answered; as many as copies did if it is left out.
    """
    # No training lies between them, so that what trainings vary by says nothing of it.
    return None if floor is None else floor.difference(items=items, first=False, second=False)


def trained(floor: Floor | None, items: int | None = None) -> float | None:
    """The same of two trainings of one student, which evaluations alone say nothing of."""
    return None if floor is None else floor.difference(items=items)


def record(replicas: Sequence[Replica], floor: Floor | None = None) -> dict[str, Any]:
    """All stages for programs; see `lines`."""
    counts = Counter(replica.outcome for replica in replicas)
    return {
        "kept": not any(replica.broken for replica in replicas),
        "floor": noise.plain(evaluated(floor)),
        "floor_of_trainings": noise.plain(trained(floor)),
        "counts": {name: counts[name] for name in OUTCOMES},
        "stages": [_stage(replica, floor) for replica in replicas],
    }


def _stage(replica: Replica, floor: Floor | None) -> dict[str, Any]:
    row = replica.plain() | {"broken": replica.broken}
    if replica.scores:
        scores = []
        for score in replica.scores:
            width = noise.plain(beside(replica, score, floor))
            scores.append({**score.plain(), "noise_floor": width})
        row["scores"] = scores
    return row
