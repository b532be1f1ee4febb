"""The report's numbers for programs: records, and `metrics.json`.

For DVC's own view `headline.json`, a row that fits on a screen. Curves are in `points`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dataenvgym_spec.records.files import json_text
from dataenvgym_spec.report import declaring, noise, words
from dataenvgym_spec.results.accounts import cost_record
from dataenvgym_spec.results.curves import Curve
from dataenvgym_spec.results.evidence.choosing import Choosing
from dataenvgym_spec.results.evidence.components import Crossed
from dataenvgym_spec.results.evidence.contrasts import Comparison
from dataenvgym_spec.results.evidence.equivalence import Equivalence
from dataenvgym_spec.results.evidence.scores import Outcome, outcomes
from dataenvgym_spec.results.evidence.statistics import Estimate
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.ledger import Ledger
from dataenvgym_spec.results.noise import UNKNOWN, beside
from dataenvgym_spec.results.parity import Parity
from dataenvgym_spec.results.skills import SkillAccuracy, SliceAccuracy
from dataenvgym_spec.results.stamps import between
from dataenvgym_spec.results.study import Study
from dataenvgym_spec.results.together import TogetherAccuracy
from dataenvgym_spec.results.wording import covered, seen

Row = dict[str, Any]


def records(results: Results) -> list[Row]:
    """One record per arm, seed and student (base, best, last) on the sealed test.

    There are none before it was evaluated.
    """
    return [record(outcome) for outcome in outcomes(results)]


def record(outcome: Outcome) -> Row:
    """One student's outcome as plain data."""
    drawn = {}
    for k, estimate in outcome.passes:
        drawn[f"pass_at_{k}"] = round(estimate.value, 6)
        drawn[f"pass_at_{k}_ci_low"] = round(estimate.low, 6)
        drawn[f"pass_at_{k}_ci_high"] = round(estimate.high, 6)
    return {
        "arm": outcome.arm,
        "seed": outcome.seed,
        "student": outcome.student,
        "iteration": outcome.iteration,
        "split": "test",
        **estimated("accuracy", outcome.accuracy),
        "items": outcome.items,
        "examples": outcome.examples,
        "examples_asked": outcome.asked,
        "unparseable": outcome.unparseable,
        "truncated": outcome.truncated,
        **drawn,
    }


def estimated(name: str, estimate: Estimate) -> Row:
    """A share with its 95 % interval, as plain data."""
    return {
        name: round(estimate.value, 6),
        "ci_low": round(estimate.low, 6),
        "ci_high": round(estimate.high, 6),
        "ci_covers": estimate.covers,
    }


def contrast_record(contrast: Comparison) -> Row:
    """One contrast as plain data.

    `p` is that of the test which the interval inverts; with a single run it is McNemar's.
    """
    question = contrast.question
    row: Row = {
        "arm": question.arm,
        "against": question.against,
        "student": question.student,
        "split": question.split,
        "primary": question.primary,
        "seeds": len(contrast.runs),
        **estimated("difference", contrast.difference),
        "items": contrast.items,
    }
    for name in ("other", "skill"):
        if getattr(question, name) is not None:
            row[name] = getattr(question, name)
    if question.slice:
        row["slice"] = dict(question.slice)
    if contrast.amounts is not None:
        row["examples"] = contrast.amounts.first.examples
        row["examples_against"] = contrast.amounts.second.examples
        row["equal_amounts"] = contrast.amounts.equal
    row["p"] = round(contrast.weighed.p, 6)
    if contrast.adjusted is not None:
        row["p_holm"] = round(contrast.adjusted, 6)
        row["family"] = {"primary": question.primary, "contrasts": contrast.family}
    row["run_variance"] = _run_variance(contrast.weighed.crossed)
    if contrast.equivalence is not None:
        row["equivalence"] = _equivalence(contrast.equivalence)
    if len(contrast.runs) == 1:
        _, pair = contrast.runs[0]
        row["only_arm"] = pair.gained
        row["only_against"] = pair.lost
    return row


def _equivalence(claim: Equivalence) -> Row:
    """Whether two students differ by less than some points, and by which tests."""
    row: Row = {
        "points": round(100 * claim.bound, 6),
        "ci90_low": round(claim.low, 6),
        "ci90_high": round(claim.high, 6),
        "p": round(claim.p, 6),
    }
    if claim.adjusted is not None:
        row |= {"p_holm": round(claim.adjusted, 6), "family": claim.family}
    return row | {"shown": claim.shown}


def _run_variance(crossed: Crossed | None) -> Row | str:
    """What makes the difference vary: between runs, between items, and both together."""
    if crossed is None:
        return "unknown"
    runs, units, rest = map(seen, crossed.shares)
    return {
        "deviation": seen(crossed.run_deviation),
        "item_deviation": seen(crossed.unit_deviation),
        "of_the_mean": {"runs": runs, "items": units, "both": rest},
    }


def headline(study: Study) -> str:
    """The text of `headline.json`: what `dvc metrics show` and `dvc exp show` have columns for.

    Of each arm the share right of its students on the sealed test, and the primary contrast; of
    several primary ones each by its title.
    """
    arms: dict[str, Row] = {arm: {} for arm in study.arms}
    for outcome in study.summaries:
        arms[outcome.arm][outcome.student] = round(outcome.accuracy.value, 4)
    content: Row = dict(arms)
    primary = [one for one in study.contrasts if one.question.primary]
    if primary and primary[0].family == 1:
        content["difference"] = _short(study, primary[0])
    elif primary:
        content["differences"] = {one.question.title: _short(study, one) for one in primary}
    return json_text(content)


def _short(study: Study, contrast: Comparison) -> Row:
    """A contrast under short names: each is the head of a column in a terminal."""
    estimate = contrast.difference
    row: Row = {
        "value": round(estimate.value, 4),
        "low": round(estimate.low, 4),
        "high": round(estimate.high, 4),
        "covers": covered(estimate),
        "zero": words.zero(contrast),
        "floor": noise.plain(_floor(study, contrast), 4),
    }
    if contrast.adjusted is not None:
        row["p_holm"] = round(contrast.adjusted, 4)
    return row


def metrics(study: Study) -> str:
    """The text of `metrics.json`: nested, so that `dvc metrics diff` compares like with like."""
    content: Row = {
        "arms": _arms(study),
        "contrasts": _contrasts(study),
        "cost": _costs(study.ledger),
        "noise": UNKNOWN if study.floor is None else noise.record(study.floor),
    }
    content |= declaring.history(study.declared)
    if study.change_parities:
        content["asked"] = {arm: _asked(one) for arm, one in study.change_parities.items()}
    if study.probed:
        content["probes"] = _probes(study)
    by_skill = _by_skill((*study.group_accuracies, *study.skill_accuracies))
    if by_skill:
        content["by_skill"] = by_skill
    if study.slice_accuracies:
        content["slices"] = _slices(study.slice_accuracies)
    if study.together_accuracies:
        content["together"] = _together(study.together_accuracies)
    if study.tested:
        content["test_each"] = _each(study.tested)
    if study.caveats:
        content["caveats"] = list(study.caveats)
    if study.judging.wrong_gold:
        content["wrong_gold"] = dict(study.judging.wrong_gold)
    if study.judging.skipped:
        content["skipped"] = {label: dict(reasons) for label, reasons in study.judging.skipped}
    if study.judging.unreadable:
        content["unreadable"] = dict(study.judging.unreadable)
    if study.choices:
        content["choosing"] = _choosing(study.choices)
    stopped = _stopped(study.curves)
    if stopped:
        content["stopped"] = stopped
    return json_text(content)


def _arms(study: Study) -> dict[str, dict[str, Row]]:
    """The outcomes by arm and student, with those of every run where there are several."""
    arms: dict[str, dict[str, Row]] = {arm: {} for arm in study.arms}
    for outcome in study.summaries:
        arms[outcome.arm][outcome.student] = _numbers(outcome)
    if len(study.seeds) > 1:
        for outcome in study.outcomes:
            runs = arms[outcome.arm][outcome.student].setdefault("runs", {})
            runs[str(outcome.seed)] = _numbers(outcome)
    return arms


def _probes(study: Study) -> dict[str, dict[str, Row]]:
    """Other test sets by name and arm: the students, and the best less the base."""
    tests: dict[str, dict[str, Row]] = {}
    for one in study.probed:
        row: Row = {outcome.student: _numbers(outcome) for outcome in one.students}
        if one.change is not None:
            change = {**estimated("difference", one.change), "fixed": one.fixed}
            row["best - base"] = {**change, "broken": one.broken, "noise_floor": UNKNOWN}
        tests.setdefault(one.probe, {})[one.arm] = row
    return tests


def _by_skill(rows: Sequence[SkillAccuracy]) -> dict[str, dict[str, dict[str, Row]]]:
    """Accuracy by split, arm and skill, or group of the source, of every student."""
    splits: dict[str, dict[str, dict[str, Row]]] = {}
    for row in rows:
        students = {name: estimated("accuracy", one) for name, one in row.students}
        of_arm = splits.setdefault(row.split, {}).setdefault(row.arm, {})
        of_arm[row.skill] = {**students, "items": row.items}
    return splits


def _slices(rows: Sequence[SliceAccuracy]) -> dict[str, dict[str, dict[str, Row]]]:
    """Accuracy on the sealed test by arm and slice, of every student."""
    arms: dict[str, dict[str, dict[str, Row]]] = {}
    for row in rows:
        students = {name: estimated("accuracy", one) for name, one in row.students}
        named = arms.setdefault(row.arm, {}).setdefault(row.name, {})
        named[row.value] = {**students, "items": row.items}
    return arms


def _together(rows: Sequence[TogetherAccuracy]) -> dict[str, dict[str, Row]]:
    """The part of sets of answers that is all right, by arm and what they have in common."""
    arms: dict[str, dict[str, Row]] = {}
    for row in rows:
        students = {name: estimated("accuracy", one) for name, one in row.students}
        arms.setdefault(row.arm, {})[row.way] = {**students, "sets": row.sets}
    return arms


def _each(tested: Sequence[Outcome]) -> dict[str, dict[str, Row]]:
    """Every student on the sealed test, by arm and iteration."""
    arms: dict[str, dict[str, Row]] = {}
    for outcome in tested:
        arms.setdefault(outcome.arm, {})[str(outcome.iteration)] = _numbers(outcome)
    return arms


def _numbers(outcome: Outcome) -> Row:
    """The record of an outcome without what its place in `metrics.json` says."""
    placed = ("arm", "student", "split", "seed")
    return {name: value for name, value in record(outcome).items() if name not in placed}


def _contrasts(study: Study) -> dict[str, Row]:
    rows = {}
    for contrast in study.contrasts:
        question = contrast.question
        row = contrast_record(contrast)
        differing = between(study.stamps, question.arm, question.against)
        if differing:
            row["circumstances"] = {kind: list(facts) for kind, facts in differing}
        row["declared"] = declaring.record(study.declared.standing[question])
        parity = study.parities.get(question)
        if parity is not None:
            row["asked"] = _asked(parity)
        row["noise_floor"] = noise.plain(_floor(study, contrast))
        rows[question.title] = row
    for missing in study.unanswered:
        rows[missing.question.title] = {"items": 0, "primary": missing.question.primary}
    return rows


def _floor(study: Study, contrast: Comparison) -> float | None:
    """What a contrast stays within by chance alone; None if it was not measured."""
    return beside(study.floor, contrast.question, contrast.weighed)


def _asked(parity: Parity) -> Row:
    """How both students were asked; what differs has both."""
    row: Row = {"alike": not parity.differing}
    for aspect in parity.aspects:
        both = {"first": aspect.first, "against": aspect.second}
        row[aspect.name] = aspect.first if aspect.alike else both
    return row


def _costs(ledger: Ledger) -> Row:
    return {
        **cost_record(ledger.total.cost),
        "kinds": {account.name: cost_record(account.cost) for account in ledger.kinds},
        "arms": {account.name: cost_record(account.cost) for account in ledger.by_arm},
        "shared": cost_record(ledger.shared.cost),
    }


def _choosing(choices: Sequence[Choosing]) -> dict[str, dict[str, Row]]:
    """By arm and seed how much too high the best student's score on selection is."""
    arms: dict[str, dict[str, Row]] = {}
    for one in choices:
        row: Row = {"iteration": one.iteration, "students": one.students, "items": one.items}
        row |= {"accuracy": round(one.score, 6), "optimism": round(one.optimism, 4)}
        arms.setdefault(one.arm, {})[str(one.seed)] = row
    return arms


def _stopped(curves: Sequence[Curve]) -> dict[str, dict[str, int]]:
    """After which iteration runs stopped early, by arm and seed."""
    arms: dict[str, dict[str, int]] = {}
    for curve in curves:
        if curve.stopped is not None:
            arms.setdefault(curve.arm, {})[str(curve.seed)] = curve.stopped
    return arms
