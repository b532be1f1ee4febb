"""The summary run of an arm over its seeds.

It is the only place where scores on the sealed test are shown, so that nobody selects by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Final

from dataenvgym_spec.core.hashing import file_digest
from dataenvgym_spec.records.experiment import Question
from dataenvgym_spec.results.curves import CurvePoint, arm_curve, curve, with_costs
from dataenvgym_spec.results.evidence.amounts import Amount, amounts
from dataenvgym_spec.results.evidence.answers import rows_of, scored
from dataenvgym_spec.results.evidence.choosing import choice_in
from dataenvgym_spec.results.evidence.contrasts import Comparison
from dataenvgym_spec.results.evidence.scores import Outcome, outcomes_of, summary
from dataenvgym_spec.results.evidence.statistics import Estimate
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.ledger import Ledger
from dataenvgym_spec.results.parity import Parity, change_parities, parity
from dataenvgym_spec.results.probes import tested_of
from dataenvgym_spec.results.run import Run
from dataenvgym_spec.results.skills import STUDENTS, by_slice, by_split, labelled
from dataenvgym_spec.results.together import by_way
from dataenvgym_spec.results.wording import coverage
from dataenvgym_spec.store.layout import EXAMPLES
from dataenvgym_spec.track import contrasts, notes
from dataenvgym_spec.track.contrasts import contrast_key
from dataenvgym_spec.track.iteration import metrics_of, unreadable
from dataenvgym_spec.track.naming import bounded, flatten, in_order, level_of, slug
from dataenvgym_spec.track.noise import MeasuredFloor, said
from dataenvgym_spec.track.points import point_of
from dataenvgym_spec.track.runs import Artifact, Metric, RunRecord
from dataenvgym_spec.track.students import EXPERIMENT

MEAN: Final = "selection/accuracy_mean"


def summary_record(
    results: Results,
    arm: str,
    ledger: Ledger,
    plan: str,
    colour: str,
    answers: Mapping[Question, Comparison],
) -> RunRecord | None:
    """The summary of one arm; None before any of its runs has begun.

    A figure appears when every seed has it, so that it never changes.

    Args:
        results: the experiment.
        arm: the arm.
        ledger: when its stages ran.
        plan: what its runs are made of, as a digest.
        colour: of the arm in charts.
        answers: the contrasts that can be answered.
    """
    runs = results.of_arm(arm)
    start = ledger.started(runs[0].iterations[0].stages[0])
    if start is None:
        return None
    stages = [stage for run in runs for stage in run.stages]
    measured = MeasuredFloor.of(results, ledger)
    point, keys = point_of(results), _keys(results, runs, ledger)
    tags = {
        **_unequal(results, runs, ledger),
        **({} if measured is None else measured.tags(arm)),
        **said(results, measured, {keys[one]: answers[one] for one in keys if one in answers}),
        **contrasts.said(results, keys, answers),
        **({"point": point} if point else {}),
        "arm": arm,
        EXPERIMENT: results.name,
        "kind": "summary",
        "level": level_of(results.settings[arm]),
        "mlflow.runColor": colour,
        "seeds": " ".join(str(run.seed) for run in runs),
    }
    metrics = [*_selection(runs, ledger), *_chosen(results, runs, ledger), *_test(runs, ledger)]
    metrics += [*_probed(runs, ledger), *_tested(runs, ledger)]
    named = "skill" if "test" in labelled(results, arm) else "group"
    metrics += [*_skills(runs, ledger, named), *_together(runs, ledger)]
    metrics += [*_contrasts(results, runs, ledger, answers), *_unreadable(runs, ledger)]
    metrics += _floors(results, runs, ledger, answers, measured)
    # Before all runs: MLflow lists the newest first, the runs in the order of the spec.
    position = 1 + len(results.runs) + results.index.arms.index(arm)
    name, files = f"{results.name}/{arm}/summary", tuple(_artifacts(results))
    params = dict(flatten(results.settings[arm])) | {"arm": arm, "seeds": str(len(runs))}
    own = {run.seed: f"{results.name}/{arm}/seed-{run.seed}" for run in runs}
    return RunRecord(
        id=name,
        name=f"{point}, {arm}, summary" if point else f"{arm}, summary",
        plan=plan,
        start=start - position,
        end=ledger.all_ended(stages),
        params=tuple(sorted(params.items())),
        metrics=tuple(metrics),
        artifacts=files,
        tags=in_order(tags),
        note=notes.of_summary(
            arm, own, name, [item.path for item in files], coverage(results.index.seeds)
        ),
    )


def _selection(runs: Sequence[Run], ledger: Ledger) -> Iterator[Metric]:
    """Mean selection accuracy over the seeds; step = iteration, or what that took on average.

    Once a seed has stopped, its last student stays in the mean.
    """
    lines = with_costs(runs, [curve(run) for run in runs], ledger)
    for point in arm_curve(lines).points:
        turns = [run.standing(point.iteration) for run in runs]
        stages = [turn.evaluation("selection") for turn in turns]
        evaluated = [stage for stage in stages if stage is not None]
        when = ledger.all_ended(evaluated)
        if when is None or len(evaluated) < len(runs):
            continue
        mean = point.accuracy
        for key, step in _mean_axes(point):
            yield Metric(key=key, value=mean.value, step=step, timestamp=when)
        for end, value in bounded(mean):
            if end:
                key = f"{MEAN}{end}"
                yield Metric(key=key, value=value, step=point.iteration, timestamp=when)


def _mean_axes(point: CurvePoint) -> Iterator[tuple[str, int]]:
    """The names of mean curves, and where a point stands on the axis of each."""
    yield MEAN, point.iteration
    yield f"{MEAN}_by_examples", round(point.examples)
    if point.tokens is not None:
        yield f"{MEAN}_by_tokens", round(point.tokens)


def _chosen(results: Results, runs: Sequence[Run], ledger: Ledger) -> Iterator[Metric]:
    """The best students' selection score, and by how much choosing made it too high: means."""
    stages = [stage for run in runs for stage in run.closing if stage.kind == "select"]
    when = ledger.all_ended(stages)
    if when is None:
        return
    mine = [choice for run in runs if (choice := choice_in(results, run)) is not None]
    if len(mine) == len(runs):
        figures = {
            "selection/best": fmean(choice.score for choice in mine),
            "selection/best_optimism": fmean(choice.optimism for choice in mine),
        }
        for name, value in figures.items():
            yield Metric(key=name, value=value, step=0, timestamp=when)


def _test(runs: Sequence[Run], ledger: Ledger) -> Iterator[Metric]:
    for student in runs[0].students:
        when = _when(runs, student, ledger)
        if when is None:
            continue
        mean = summary(outcomes_of(runs, student))
        for name, value in _figures(mean).items():
            yield Metric(key=f"test/{student}{name}", value=value, step=0, timestamp=when)


def _probed(runs: Sequence[Run], ledger: Ledger) -> Iterator[Metric]:
    """Base, best and last on other test sets."""
    for name in runs[0].probes:
        views = [run.on_probe(name) for run in runs]
        for metric in _test(views, ledger):
            key = metric.key.removeprefix("test/")
            yield replace(metric, key=f"probe/{slug(name)}/{key}")


def _tested(runs: Sequence[Run], ledger: Ledger) -> Iterator[Metric]:
    """Every student on the sealed test, where a spec asks for it; step = iteration."""
    for number in sorted(runs[0].each):
        stages = [run.each[number] for run in runs]
        when = ledger.all_ended(stages)
        outcomes = {outcome.iteration: outcome for outcome in tested_of(runs)}
        if when is None or number not in outcomes:
            continue
        for name, value in _figures(outcomes[number]).items():
            yield Metric(key=f"test/each{name}", value=value, step=number, timestamp=when)


def _skills(runs: Sequence[Run], ledger: Ledger, named: str) -> Iterator[Metric]:
    """Mean accuracy on the sealed test by slice, and by skill where it is labelled, or by group."""
    labelling = [run.labelling("test") for run in runs]
    stages = [stage for stage in labelling if stage is not None]
    times = [ledger.all_ended(stages)] if stages else []
    times += [_when(runs, student, ledger) for student in STUDENTS]
    ended = [time for time in times if time is not None]
    if len(ended) < len(times):
        return
    parts = [(f"slice/{slug(of.name)}/{slug(of.value)}", of.students) for of in by_slice(runs)]
    skills = by_split(runs, "test")
    if named == "skill" or len(skills) > 1:
        parts += [(f"{named}/{slug(of.skill)}", of.students) for of in skills]
    yield from _by_student(parts, max(ended))


def _together(runs: Sequence[Run], ledger: Ledger) -> Iterator[Metric]:
    """The part of sets of answers to the sealed test that is all right, where items show images."""
    times = [_when(runs, student, ledger) for student in STUDENTS]
    ended = [time for time in times if time is not None]
    if len(ended) < len(times):
        return
    parts = [(f"together/{of.way}", of.students) for of in by_way(runs)]
    yield from _by_student(parts, max(ended))


def _by_student(
    parts: Iterable[tuple[str, Iterable[tuple[str, Estimate]]]], when: int
) -> Iterator[Metric]:
    """What each student scored on parts of the sealed test, with the interval of each."""
    for part, students in parts:
        for student, score in students:
            for end, value in bounded(score):
                key = f"test/{student}/{part}{end}"
                yield Metric(key=key, value=value, step=0, timestamp=when)


def _figures(outcome: Outcome) -> dict[str, float]:
    """Accuracy with the interval that the report prints, and the number of items.

    Of several seeds there is their standard deviation as well.
    """
    figures = dict(bounded(outcome.accuracy))
    figures["_items"] = float(outcome.items)
    figures["_unparseable"] = float(outcome.unparseable)
    figures["_truncated"] = float(outcome.truncated)
    for k, estimate in outcome.passes:
        figures |= {f"_pass_at_{k}{end}": value for end, value in bounded(estimate)}
    if outcome.deviation is not None:
        figures["_deviation"] = outcome.deviation
    return figures


def _when(
    runs: Sequence[Run], student: str | int, ledger: Ledger, split: str = "test"
) -> int | None:
    """When the last seed's score of a student was there; None if any has none yet."""
    stages = []
    for run in runs:
        stage = scored(run, student, split)
        if stage is None or not rows_of(run, student, split):
            return None
        stages.append(stage)
    return ledger.all_ended(stages)


def _answered(
    results: Results, runs: Sequence[Run], ledger: Ledger
) -> Iterator[tuple[Question, int]]:
    """The contrasts that the spec declares for an arm, with the time when all seeds had both."""
    for question in results.index.contrasts:
        when = _complete(results, question, ledger) if question.arm == runs[0].arm else None
        if when is not None:
            yield question, when


def _keys(results: Results, runs: Sequence[Run], ledger: Ledger) -> dict[Question, str]:
    """What the metrics of the contrasts that are answered are called."""
    return {question: contrast_key(question) for question, _ in _answered(results, runs, ledger)}


def _complete(results: Results, question: Question, ledger: Ledger) -> int | None:
    """When all seeds had both students of a contrast; None before."""
    runs, others = results.of_arm(question.arm), results.of_arm(question.against)
    first = _when(runs, question.student, ledger, question.split)
    second = _when(others, question.second, ledger, question.split)
    return None if first is None or second is None else max(first, second)


def _unreadable(runs: Sequence[Run], ledger: Ledger) -> list[Metric]:
    """Answers on the sealed test that could not be judged, by cause, over all runs."""
    sealed = []
    for run in runs:
        sealed += [run.sealed_evaluation("base"), run.sealed_evaluation("best")]
    # Runs may share the base's.
    stages = {stage.key: stage for stage in sealed if stage is not None}
    if None in sealed:
        return []
    return metrics_of(unreadable(list(stages.values()), ledger), 0)


def _contrasts(
    results: Results,
    runs: Sequence[Run],
    ledger: Ledger,
    answers: Mapping[Question, Comparison],
) -> Iterator[Metric]:
    """Differences that the spec declares as contrasts, with their intervals and p values."""
    for question, when in _answered(results, runs, ledger):
        answer = answers.get(question)
        if answer is None:
            continue
        for name, value in contrasts.figures(answer).items():
            yield Metric(key=f"{contrast_key(question)}{name}", value=value, step=0, timestamp=when)
        last = _family_ended(results, answer, ledger)
        if last is None:
            continue
        for name, value in contrasts.corrected(answer).items():
            yield Metric(key=f"{contrast_key(question)}{name}", value=value, step=0, timestamp=last)


def _floors(
    results: Results,
    runs: Sequence[Run],
    ledger: Ledger,
    answers: Mapping[Question, Comparison],
    measured: MeasuredFloor | None,
) -> Iterator[Metric]:
    """The noise floor, in itself and beside each contrast."""
    if measured is None:
        return
    yield from measured.metrics(runs[0].arm)
    for question, when in _answered(results, runs, ledger):
        if question in answers:
            yield from measured.beside(answers[question], contrast_key(question), when)


def _family_ended(results: Results, answer: Comparison, ledger: Ledger) -> int | None:
    """When the last contrast of the family was answered; None before each is.

    Until then what is corrected would change with each that comes.
    """
    family = [
        question
        for question in results.index.contrasts
        if question.primary is answer.question.primary
    ]
    times = [_complete(results, question, ledger) for question in family]
    ended = [time for time in times if time is not None]
    return max(ended) if len(ended) == len(family) else None


def _unequal(results: Results, runs: Sequence[Run], ledger: Ledger) -> dict[str, str]:
    """As tags, where the students of a contrast were not taught equally much or asked alike."""
    tags = {}
    changed = change_parities(results).get(runs[0].arm)
    if changed is not None and changed.differing and _when(runs, "best", ledger) is not None:
        tags["best minus base asked"] = _otherwise(changed)
    for question, _ in _answered(results, runs, ledger):
        taught = amounts(results, question)
        if taught is not None and not taught.equal:
            one, other = _amount(taught.first), _amount(taught.second)
            tags[f"{contrast_key(question)} amounts"] = f"unequal: {one} against {other}"
        asked = parity(results, question)
        if asked is not None and asked.differing:
            tags[f"{contrast_key(question)} asked"] = _otherwise(asked)
    return tags


def _otherwise(asked: Parity) -> str:
    """What was not the same for both students."""
    names = " and ".join(aspect.name for aspect in asked.differing)
    return f"not alike: another {names}"


def _amount(taught: Amount) -> str:
    return f"{taught.examples:g} of {taught.asked:g} examples"


def _artifacts(results: Results) -> Iterator[Artifact]:
    """The report, once it is made, with the page of all examples if that is one file.

    The files of a larger one cannot be fetched from within MLflow's viewer, which shows one file
    alone, and would be some hundred megabytes for every arm.
    """
    folder = results.layout.report(results.name)
    examples = sorted(path.name for path in (folder / EXAMPLES).glob("*"))
    names = ["index.html", "metrics.json"]
    if len(examples) == 1:
        names.append(f"{EXAMPLES}/{examples[0]}")
    for name in names:
        file = folder / name
        if file.is_file():
            digest = file_digest(file)[:16]
            yield Artifact(path=f"report/{name}", digest=digest, file=file)
