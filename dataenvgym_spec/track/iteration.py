"""One turn of the loop as metrics, data and a child run. Never reads the sealed test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.foreign import markdown_text
from dataenvgym_spec.core.hashing import file_digest
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import json_text
from dataenvgym_spec.records.plans import Plan
from dataenvgym_spec.results.evidence.scores import accuracy, shares_by_skill
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.fates import fates_of
from dataenvgym_spec.results.ledger import Cost, Ledger
from dataenvgym_spec.results.run import Iteration, Run
from dataenvgym_spec.results.skills import measured
from dataenvgym_spec.results.stage import StageResult, count_records
from dataenvgym_spec.track import notes, shown, teaching
from dataenvgym_spec.track.naming import bounded, in_order, numbered, slug
from dataenvgym_spec.track.ports import DATA, LEARNED, STATES
from dataenvgym_spec.track.runs import Artifact, Dataset, Metric, RunRecord, Value, text
from dataenvgym_spec.track.students import student_of

CIRCUMSTANCES: Final = (
    *("device", "precision", "weights", "processes"),
    *("examples", "cut", "left_out", "steps", "replayed"),
    *("pairs", "unpaired", "desirable", "undesirable", "sampled"),
)
"""What a run says of the training of its student."""
CURVES: Final = ("loss", "learning_rate", "reward", "preferred", "kl", "apart")
"""What is drawn of it, step by step."""
ASKING: Final = ("plan", "generate", "check")
"""The kinds of stages of an iteration that may ask teachers."""
SHOWN_IMAGES: Final = 8
"""Images of accepted examples that an iteration shows."""
LONGEST: Final = 7900
"""Characters of a tag; MLflow takes 8,000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """What a run and the runs of its iterations share.

    Attributes:
        record: the run.
        tags: that all of them have.
        called: the run as names of data sets say it, which nothing that follows changes.
        base: the id of the run of the base student.
        iterations: how many its arm has.
    """

    record: RunRecord
    tags: Mapping[str, str]
    called: str
    base: str | None
    iterations: int

    def before(self, iteration: int) -> str | None:
        """The id of the run whose student stands before an iteration."""
        return f"{self.record.id}/iteration-{iteration - 1}" if iteration > 1 else self.base


def iteration_metrics(
    run: Run, turn: Iteration, ledger: Ledger, cost: Cost | None, checks: Iterable[str] = ()
) -> list[Metric]:
    """What one iteration adds to the curves of its run; step = iteration. Only what is done.

    Args:
        run: whose iteration it is.
        turn: the iteration.
        ledger: of the experiment.
        cost: of teaching up to its student; None before that is known.
        checks: of its arm that are not off.
    """
    values = [*selection_values(turn, ledger), *_skills_right(run, turn, ledger)]
    values += [*_plan(turn, ledger), *_data(turn, ledger)]
    values += [*teaching.tree_values(turn, ledger), *teaching.yield_values(turn, ledger, checks)]
    # What the base made of the sealed test is in the summary.
    open_ones = [stage for stage in turn.stages if not stage.port("test").is_dir()]
    values += [*_spent(turn, ledger, cost), *unreadable(open_ones, ledger)]
    values += [*_asked(turn, ledger), *_skills(turn, ledger)]
    return metrics_of(values, turn.number)


def draw_metrics(run: Run, ledger: Ledger) -> list[Metric]:
    """What the draws of a run left out. Drawing comes before the loop: step = 0."""
    draws = [stage for stage in run.closing if stage.kind == "data"]
    return metrics_of(_left_out(draws, ledger), 0)


def metrics_of(values: Iterable[Value], step: int) -> list[Metric]:
    """Values as points of curves."""
    metrics = []
    for key, value, when in values:
        metrics.append(Metric(key=key, value=float(value), step=step, timestamp=when))
    return metrics


def _spent(turn: Iteration, ledger: Ledger, cost: Cost | None) -> Iterator[Value]:
    trained = turn.of("train")
    when = ledger.ended(trained[0]) if trained else None
    if cost is None or when is None:
        return
    yield "spent/examples", cost.examples, when
    yield "spent/tokens", cost.all_tokens, when
    yield "spent/seconds", round(cost.seconds, 3), when
    if cost.gpu_seconds:
        yield "spent/gpu_seconds", round(cost.gpu_seconds, 3), when
    if cost.usd:
        yield "spent/usd", round(cost.usd, 6), when


def _asked(turn: Iteration, ledger: Ledger) -> Iterator[Value]:
    """What was asked of teachers, once all stages of the iteration are done that ask one."""
    asking = [stage for kind in ASKING for stage in turn.of(kind)]
    when = ledger.all_ended(asking)
    cost = ledger.cost(asking)
    if when is None or not cost.finishes:
        return
    yield "teachers/requests", cost.requests, when
    yield "teachers/retries", cost.retries, when
    yield "teachers/reused", cost.reused, when
    for name in ("prompt", "generated", "cached", "reused"):
        yield f"teachers/tokens/{name}", cost.tokens.get(name, 0), when
    for finish, count in sorted(cost.finishes.items()):
        yield f"teachers/answers/{finish}", count, when
    if cost.images:
        yield "teachers/images", cost.images, when
    if cost.usd:
        yield "teachers/usd", cost.usd, when


def _skills(turn: Iteration, ledger: Ledger) -> Iterator[Value]:
    """How good the skills are, as the stages that name them measured it."""
    for stage, quality in measured(turn):
        when = ledger.ended(stage)
        if when is not None:
            for name, value in quality.measures().items():
                yield f"{stage.kind}/quality/{name}", value, when
            yield f"{stage.kind}/quality/left_out", quality.left_out, when


def unreadable(stages: Sequence[StageResult], ledger: Ledger) -> Iterator[Value]:
    """Answers that could not be judged, by cause: a sum, once all of some stages are done."""
    when = ledger.all_ended(stages)
    if when is None:
        return
    causes: Counter[str] = Counter()
    for stage in stages:
        causes.update(ledger.logs[stage.key].unreadable or {})
    for cause, number in sorted(causes.items()):
        yield f"judging/unreadable/{slug(cause)}", number, when


def _left_out(stages: Iterable[StageResult], ledger: Ledger) -> Iterator[Value]:
    """Rows and items that draws left out."""
    for stage in stages:
        log, when = ledger.logs.get(stage.key), ledger.ended(stage)
        if log is None or when is None:
            continue
        draw = slug(stage.work)
        for reason, number in sorted((log.skipped or {}).items()):
            yield f"data/skipped/{draw}/{slug(reason)}", number, when
        if log.wrong_gold:
            yield f"judging/wrong_gold/{draw}", log.wrong_gold, when


def selection_values(turn: Iteration, ledger: Ledger) -> Iterator[Value]:
    """What the student of a turn scored on selection."""
    stage = turn.evaluation("selection")
    when = ledger.ended(stage) if stage is not None else None
    rows = turn.results("selection")
    if not rows or when is None:
        return
    for end, value in bounded(accuracy(rows)):
        yield f"selection/accuracy{end}", value, when
    yield "selection/unparseable", sum(row.unparseable for row in rows), when
    yield "selection/truncated", sum(row.truncated for row in rows), when


def _skills_right(run: Run, turn: Iteration, ledger: Ledger) -> Iterator[Value]:
    """The same by skill, as soon as it is known which one an item has: no figure changes."""
    stage = turn.evaluation("selection")
    when = ledger.ended(stage) if stage is not None else None
    rows = turn.results("selection")
    if not rows or stage is None or when is None:
        return
    labelling = run.labelling("selection")
    named = when if labelling is None else ledger.all_ended([stage, labelling])
    for skill, answers in sorted(shares_by_skill(rows, run.names("selection")).items()):
        if skill and named is not None:
            yield f"selection/skill/{slug(skill)}", answers.value, named


def _plan(turn: Iteration, ledger: Ledger) -> Iterator[Value]:
    plan = turn.plan
    when = ledger.all_ended(turn.of("plan"))
    if plan is None or when is None:
        return
    for skill, count in sorted(turn.allocation.items()):
        yield f"teaching/allocation/{slug(skill)}", count, when
    for skill, score in sorted((plan.scores or {}).items()):
        yield f"teaching/score_seen/{slug(skill)}", score, when


def _data(turn: Iteration, ledger: Ledger) -> Iterator[Value]:
    """What was generated and what became of it, once all rounds are checked."""
    when = ledger.all_ended(turn.of("check"))
    if when is None:
        return
    fates = fates_of([turn])
    yield "teaching/generated", fates.candidates, when
    yield "teaching/accepted", fates.accepted, when
    yield "teaching/accepted_share", fates.accepted_share, when
    for check, count in fates.rejected:
        yield f"teaching/rejected/{slug(check)}", count, when


def iteration_record(
    results: Results,
    turn: Iteration,
    ledger: Ledger,
    parent: Parent,
    *,
    metrics: Sequence[Metric],
    plans: Mapping[str, str],
    sources: Mapping[str, str],
) -> RunRecord | None:
    """The child run of one iteration; None before its first stage is done.

    Args:
        results: the experiment.
        turn: the iteration.
        ledger: of the experiment.
        parent: the run it belongs to.
        metrics: what it adds to the curves of its run.
        plans: the plan of every run, by id.
        sources: the id of the run that made a student, by the key of the stage that did.
    """
    start = ledger.started(turn.stages[0]) if turn.stages else None
    if start is None:
        return None
    top, number = parent.record, str(turn.number)
    name = f"{top.id}/iteration-{number}"
    keys = " ".join(stage.path.name for stage in turn.stages)
    looked_up = {"arm": parent.tags["arm"], "seed": parent.tags["seed"], "iteration": number}
    tags = {**parent.tags, "kind": "iteration", "iteration": number}
    tags["dataenvgym.keys"] = keys[:LONGEST]
    params = {**looked_up, **circumstances(turn, ledger)}
    called = f"{top.name}, iteration {numbered(turn.number, parent.iterations)}"
    training = turn.training
    read = [sources[key] for key in training.inputs if key in sources] if training else []
    return RunRecord(
        id=name,
        name=called,
        plan=plans[name],
        parent=top.id,
        start=start,
        end=ledger.all_ended(turn.stages),
        params=tuple(sorted(params.items())),
        metrics=(*metrics, *training_metrics(turn, ledger)),
        datasets=tuple(_datasets(results, turn, parent.called)),
        artifacts=(*turn_artifacts(turn), *teaching.artifacts(turn, ledger)),
        tags=in_order(tags),
        note=notes.of_iteration(turn, name, top.id, parent.before(turn.number)),
        student=student_of(results, turn, ledger, called, metrics, looked_up),
        reads=tuple(dict.fromkeys(read)),
    )


def circumstances(turn: Iteration, ledger: Ledger) -> dict[str, str]:
    """What a run says of the training of its student, as params."""
    log = ledger.logs.get(turn.training.key) if turn.training is not None else None
    facts = {name: getattr(log, name, None) for name in CIRCUMSTANCES}
    return {f"train.{name}": str(fact) for name, fact in facts.items() if fact is not None}


def training_metrics(turn: Iteration, ledger: Ledger) -> Iterator[Metric]:
    """The training curve; step = optimizer step."""
    stage = turn.training
    start = ledger.started(stage) if stage is not None else None
    if stage is None or start is None:
        return
    for point in stage.curve():
        when = start + round(point.seconds * 1000)
        for name in CURVES:
            value = getattr(point, name)
            if value is not None:
                key = f"train/{name}"
                yield Metric(key=key, value=float(value), step=point.step, timestamp=when)


def _datasets(results: Results, turn: Iteration, called: str) -> Iterator[Dataset]:
    """The examples of every round that has any, and what the training made of them."""
    root, place = results.layout.root, f"{called}, iteration {turn.number}"
    for data in DATA:
        stages = turn.of(data.kind)
        for number, stage in enumerate(stages, start=1):
            path = stage.port(data.port) / "examples.jsonl"
            # Of several rounds the later ones say so.
            where = place if number == 1 else f"{place}, round {number}"
            yield from _dataset(root, stage, data.context, path, where)
    for learned in LEARNED:
        for stage in turn.of("train"):
            path = stage.path / "log" / learned.file
            yield from _dataset(root, stage, learned.context, path, place)


def _dataset(
    root: Path, stage: StageResult, context: str, path: Path, where: str
) -> Iterator[Dataset]:
    """The rows of a file of a stage, if there are any."""
    rows = count_records(path) if stage.done and path.is_file() else 0
    if rows:
        yield Dataset(
            name=f"{where}: {rows} {context}",
            digest=file_digest(path)[:16],
            rows=rows,
            source=path.relative_to(root).as_posix(),
            context=context,
        )


def turn_artifacts(turn: Iteration) -> Iterator[Artifact]:
    """The state of the teacher, as files."""
    tally = turn.tally
    if tally:
        yield text("checks/tally.json", json_text(tally))
    yield from shown.artifacts(turn)
    # Before the first plan there are skills, and no round.
    for number, part in enumerate(turn.rounds or (turn,), start=1):
        folder = f"round-{number}/" if number > 1 else ""
        for artifact in _of_round(part):
            yield replace(artifact, path=folder + artifact.path)


def _of_round(turn: Iteration) -> Iterator[Artifact]:
    plan = turn.plan
    if plan is not None:
        yield text("plan/plan.json", json_text(plan))
        yield text("plan/plan.md", _table(plan))
    for state in STATES:
        done = [stage for stage in turn.of(state.kind) if stage.done]
        path = done[-1].port(state.port) / state.file if done else None
        # Of a loop that has stopped there is none.
        if path is not None and path.is_file():
            yield text_artifact(state.path, path)
    yield from _images(turn)


def _images(turn: Iteration) -> Iterator[Artifact]:
    """The images of the first accepted examples, each once."""
    shown: set[str] = set()
    for stage in turn.of("check"):
        # Rows without images are not parsed: there may be a million.
        for example in stage.each("accepted", "examples.jsonl", Example, _may_show):
            for picture in example.pictures:
                if len(shown) == SHOWN_IMAGES:
                    return
                path = stage.port("accepted") / picture.file
                if picture.digest not in shown and path.is_file():
                    shown.add(picture.digest)
                    name = f"images/{path.name}"
                    yield Artifact(path=name, digest=picture.digest[:16], file=path)


def _may_show(line: str) -> bool:
    """Whether a row may have images, by its text."""
    return '"images"' in line


def text_artifact(name: str, path: Path) -> Artifact:
    """A text file of a port as an artifact."""
    return text(name, path.read_text(encoding="utf-8"))


def _table(plan: Plan) -> str:
    """The plan for people, the skill that gets the most first."""
    scores = plan.scores or {}
    lines = ["| skill | score seen | examples asked | why |", "| --- | --- | --- | --- |"]
    most_first = sorted(plan.allocation.items(), key=lambda pair: (-pair[1], pair[0]))
    for skill, count in most_first:
        score = f"{scores[skill]:.3f}" if skill in scores else "not observed"
        reason = markdown_text(plan.reasons.get(skill, ""))
        lines.append(f"| {markdown_text(skill)} | {score} | {count} | {reason} |")
    return "\n".join(lines) + "\n"
