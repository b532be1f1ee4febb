"""A comparison of arms, experiments and revisions: for people, for a page, and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dataenvgym_spec.cli.elsewhere import remedy
from dataenvgym_spec.cli.tabular import harmless, print_table
from dataenvgym_spec.core.errors import visible
from dataenvgym_spec.core.foreign import clean, markdown_text
from dataenvgym_spec.core.shown import NOTHING, shown_apart
from dataenvgym_spec.questions.compare import Contrasted, Difference, Split
from dataenvgym_spec.questions.sides import Side
from dataenvgym_spec.report import correcting, formats, noise, words
from dataenvgym_spec.report.tables import Line, TextTable
from dataenvgym_spec.report.text import (
    amount,
    count,
    interval,
    p_cell,
    percent,
    point_interval,
    points,
)
from dataenvgym_spec.results.evidence.choosing import chosen_by
from dataenvgym_spec.results.evidence.contrasts import Weighed
from dataenvgym_spec.results.evidence.scores import Outcome
from dataenvgym_spec.results.evidence.statistics import Estimate
from dataenvgym_spec.results.noise import beside
from dataenvgym_spec.results.wording import covered, intervals, some

LONGEST: Final = 60
"""Characters of a value in a table; JSON has all."""
MOST_LOST: Final = 3
MOST_KEYS: Final = 4
MOST_DETAILED: Final = 4
"""Contrasts of which each is told by itself; more are a line each."""
DETAILS: Final = "More of two of them: dataenvgym compare A B; of all: --json"
HEAD: Final = ("side", "student", "#right", "#95% interval", "#items", "#runs", "#examples")
COLUMNS: Final = (
    *("side", "experiment", "arm", "revision", "student", "right", "low", "high", "items", "runs"),
    *("against", "difference", "difference_low", "difference_high", "difference_covers"),
    *("p", "p_holm", "paired_items", "floor", "of_arms", "why_not", "mind"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A comparison, ready to be shown.

    Attributes:
        sides: each with what its students scored.
        contrasts: of each to its like of the first.
        split: whose items were answered.
    """

    sides: tuple[tuple[Side, tuple[Outcome, ...]], ...]
    contrasts: tuple[Contrasted, ...]
    split: Split


# --- for people -----------------------------------------------------------------------------------


def show(told: Told) -> None:
    """Prints a comparison."""
    from rich.console import Console

    console, table = Console(), score_table(told)
    if table.lines:
        print_table(console, table)
    for note in _notes(told):
        console.print(harmless(note, style="yellow"))
    if len(told.contrasts) > MOST_DETAILED:
        console.print()
        table = contrast_table(told)
        print_table(console, table)
        if table.note:
            console.print(harmless(table.note))
        for note in _minded(told):
            console.print(harmless(note, style="yellow"))
        console.print(harmless(DETAILS))
        return
    for one in told.contrasts:
        console.print(harmless(f"\n{sentence(one)}"))
        for warning in warnings(one):
            console.print(harmless(warning, style="yellow"))
        if one.differences:
            console.print()
            print_table(console, difference_table(one))
        console.print(harmless(shared(one)))
    corrected = correcting.correction(_family(told.contrasts))
    if corrected:
        console.print(harmless(f"\n{corrected}"))


def markdown(told: Told) -> str:
    """A comparison as Markdown: for a pull request or a page."""
    table = score_table(told)
    parts = [formats.markdown(table)] if table.lines else []
    parts += [f"{markdown_text(note)}\n" for note in _notes(told)]
    if len(told.contrasts) > MOST_DETAILED:
        table = contrast_table(told)
        notes = [markdown_text(note) for note in (table.note, *_minded(told)) if note]
        parts += [formats.markdown(table), *(f"{note}\n" for note in (*notes, DETAILS))]
        return "\n".join(parts)
    for one in told.contrasts:
        parts.append(f"**{markdown_text(sentence(one))}**\n")
        parts += [f"{markdown_text(warning)}\n" for warning in warnings(one)]
        if one.differences:
            parts.append(formats.markdown(difference_table(one)))
        parts.append(f"{markdown_text(shared(one))}\n")
    corrected = correcting.correction(_family(told.contrasts))
    if corrected:
        parts.append(f"{markdown_text(corrected)}\n")
    return "\n".join(parts)


def score_table(told: Told) -> TextTable:
    """Every student of every side."""
    lines = []
    for side, outcomes in told.sides:
        for one in outcomes:
            cells = (clean(side.label), one.student, percent(one.accuracy.value))
            runs = str(_runs(side, one))
            taught = amount(one.examples, one.asked)
            numbers = (interval(one.accuracy), count(one.items), runs, taught)
            lines.append(Line(cells=(*cells, *numbers), whole=one.student == "best"))
    title = f"students on {told.split}"
    return TextTable(title=title, head=HEAD, lines=tuple(lines))


def _runs(side: Side, outcome: Outcome) -> int:
    return 1 if outcome.seed is not None else len(side.runs)


def contrast_table(told: Told) -> TextTable:
    """All contrasts, a line each: of a sweep nobody reads a page for each point.

    What all are compared with stands below, where a terminal has more room for it.
    """
    firsts = list(dict.fromkeys(clean(one.first.label) for one in told.contrasts))
    several, lines = len(firsts) > 1, []
    for one in told.contrasts:
        found = one.difference
        ends = ("",) * 5
        if one.weighed is not None and found is not None:
            size = (points(found.value), point_interval(found))
            tests = (p_cell(one.weighed.p), p_cell(one.adjusted))
            ends = (*size, *tests, noise.cell(_width(one)))
        less = (clean(one.first.label),) if several else ()
        cells = (clean(one.second.label), *less, *ends, _comparable(one), _keys(one))
        lines.append(Line(cells=cells))
    sizes = ("#points", "#95% interval", "#p", "#p (Holm)", noise.HEADING)
    head = ("side", *(("less",) if several else ()), *sizes, "of arms", "differ in")
    corrected = correcting.correction(_family(told.contrasts))
    each = "" if several else f"Each is less {firsts[0]}."
    note = " ".join(filter(None, (each, intervals(_differences(told)), corrected)))
    return TextTable(title="differences", head=head, lines=tuple(lines), note=note)


def _family(contrasts: Sequence[Contrasted]) -> str:
    """What p values are corrected with, in words; empty for one comparison alone."""
    return correcting.together(max((one.family for one in contrasts), default=1), "comparisons")


def _minded(told: Told) -> Iterator[str]:
    """What a reader of many comparisons must mind: each once, with those that it is said of."""
    paired = [one for one in told.contrasts if one.weighed is not None]
    yield from dict.fromkeys(filter(None, map(words.chosen_here, paired)))
    unequal = [one.second.label for one in paired if words.amounts(one)]
    if unequal:
        yield f"Taught unequal amounts, against what they are compared with: {some(unequal)}."
    apart = [one.second.label for one in paired if one.parity and one.parity.differing]
    if apart:
        yield f"Not asked as what they are compared with: {some(apart)}."


def _differences(told: Told) -> Iterator[tuple[str, Estimate]]:
    for one in told.contrasts:
        if one.difference is not None:
            yield f"{one.second.label} less {one.first.label}", one.difference


def _comparable(one: Contrasted) -> str:
    if one.refused:
        return f"not paired: {one.refused}"
    return "no" if one.environment else "yes"


def _keys(one: Contrasted) -> str:
    """The first keys in which two sides differ."""
    names = [visible(found.name) for found in one.differences]
    more = f" and {len(names) - MOST_KEYS} more" if len(names) > MOST_KEYS else ""
    return ", ".join(names[:MOST_KEYS]) + more if names else "nothing"


def _notes(told: Told) -> Iterator[str]:
    """What is not there, and how to get it; and that a score is optimistic."""
    for side, outcomes in told.sides:
        if side.lost:
            names = ", ".join(side.lost[:MOST_LOST])
            more = len(side.lost) - MOST_LOST
            names += f" and {more} more" if more > 0 else ""
            yield (
                f"{clean(side.label)}: results of {names} are not in DVC's cache; "
                "pull them: dvc fetch --all-commits"
            )
        elif not outcomes and side.revision:
            yield f"{clean(side.label)} had no results on {told.split}"
        elif not outcomes:
            how = remedy(side.results)
            yield f"{clean(side.label)} has no results on {told.split} yet; {how}"
    shown = [
        (side.results, side.arm, one.student) for side, outcomes in told.sides for one in outcomes
    ]
    # A comparison of the best students says it of itself.
    if chosen_by(told.split, shown) and not any(one.chosen for one in told.contrasts):
        yield words.CHOSEN_HERE


def sentence(one: Contrasted) -> str:
    """The difference, and what it rests on; or why there is none."""
    who = f"{one.student} of {one.second.label} less {one.student} of {one.first.label}"
    if one.weighed is None:
        return f"{clean(who)}: not paired, {one.refused}"
    found = one.weighed.difference
    value, span = points(found.value), point_interval(found)
    return f"{clean(who)}: {value} points (95% interval {span}). {_evidence(one, one.weighed)}"


def _evidence(one: Contrasted, weighed: Weighed) -> str:
    """What a difference rests on; see `words.evidence` of declared contrasts."""
    items = f"{count(weighed.items)} equal items"
    p = correcting.p_values(weighed.p, one.adjusted, _family([one]))
    if weighed.replicates > 1:
        over = covered(weighed.difference)
        return f"Mean over {len(weighed.runs)} pairs of runs on {items} ({p}), over {over}."
    seed, pair = weighed.runs[0]
    second = f"{one.second.label} alone has {count(pair.gained)} right"
    first = f"{one.first.label} alone {count(pair.lost)}"
    text = clean(f"Of {items} in run seed {seed}, {second}, {first} (McNemar {p})")
    return f"{text}: {covered(weighed.difference)}."


def warnings(one: Contrasted) -> Iterator[str]:
    """Whether it is a difference of arms, what its interval says, and what else to mind."""
    if one.environment:
        reasons = "; ".join(map(reason, one.environment))
        yield f"Not comparable as arms: {reasons}. The difference can come from these as well."
    elif one.weighed is not None:
        taken = correcting.taken_back(one.weighed.p, one.adjusted, _family([one]))
        yield f"{words.reading(one.weighed.difference)} {taken}".rstrip()
    if one.weighed is not None:
        yield noise.floor_of(one.floor, one.question, one.weighed)
        yield from words.warnings(one, (), one.parity)


def reason(difference: Difference) -> str:
    """A difference of what ran two sides, in words."""
    first, second = (" / ".join(values) or "none" for values in difference.ends)
    name = clean(difference.name)
    if difference.topic == "component":
        name = f"{name} version"
    return f"{name} {clean(second)} against {clean(first)}"


def shared(one: Contrasted) -> str:
    """How much both sides have in common."""
    first, second = one.stages
    if one.shared == first == second:
        return f"All {count(first)} stages are the same."
    return f"{count(one.shared)} stages are in both, of {count(first)} and {count(second)}."


def difference_table(one: Contrasted) -> TextTable:
    """All keys in which two sides differ."""
    lines = []
    for found in one.differences:
        topic = f"{found.topic} ({', '.join(found.kinds)})" if found.kinds else found.topic
        ends = [" / ".join(values) if values else NOTHING for values in found.ends]
        values = shown_apart(ends, LONGEST)
        lines.append(Line(cells=(topic, visible(found.name), *values)))
    head = ("what differs", "key", clean(one.first.label), clean(one.second.label))
    return TextTable(title="what differs", head=head, lines=tuple(lines))


# --- for programs ---------------------------------------------------------------------------------


def csv(told: Told) -> str:
    """One line a student of a side; the paired difference stands beside the student it is of."""
    by_side: dict[tuple[str, str], Contrasted] = {}
    for one in told.contrasts:
        by_side[one.second.label, one.student] = one
    rows = []
    for side, outcomes in told.sides:
        for outcome in outcomes:
            found = by_side.get((side.label, outcome.student))
            rows.append((*_score_cells(side, outcome), *_difference_cells(found)))
    return formats.csv_text(COLUMNS, rows)


def _score_cells(side: Side, outcome: Outcome) -> tuple[object, ...]:
    place = (side.label, side.results.name, side.arm, side.revision, outcome.student)
    right = outcome.accuracy
    return (*place, right.value, right.low, right.high, outcome.items, _runs(side, outcome))


def _difference_cells(one: Contrasted | None) -> tuple[object, ...]:
    if one is None:
        return (None,) * 12
    ends: tuple[object, ...] = (None,) * 6
    if one.weighed is not None:
        found = one.weighed.difference
        ends = (found.value, found.low, found.high, found.covers, one.weighed.p, one.adjusted)
    reasons = one.refused or "; ".join(map(reason, one.environment))
    of_arms = "no" if reasons else "yes"
    items = None if one.weighed is None else one.weighed.items
    mind = " ".join(words.warnings(one, (), one.parity))
    return (one.first.label, *ends, items, _floor(one), of_arms, reasons or None, mind or None)


def _width(one: Contrasted) -> float | None:
    """What chance alone makes of such a difference; None where it is not measured."""
    return beside(one.floor, one.question, one.weighed)


def _floor(one: Contrasted) -> float | str | None:
    """The same for programs; None where there is no difference."""
    return noise.plain(_width(one)) if one.runs else None


def record(told: Told) -> dict[str, Any]:
    """A comparison for programs: all of it."""
    return {
        "split": told.split,
        "sides": [_side(side, outcomes) for side, outcomes in told.sides],
        "contrasts": [_contrast(one) for one in told.contrasts],
    }


def _side(side: Side, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    from dataenvgym_spec.report.metrics import record as scored

    return {
        "side": side.label,
        "experiment": side.results.name,
        "arm": side.arm,
        "revision": side.revision or None,
        "seeds": [run.seed for run in side.runs],
        "students": [scored(outcome) for outcome in outcomes],
        "lost": list(side.lost),
    }


def _contrast(one: Contrasted) -> dict[str, Any]:
    runs = []
    for seed, pair in one.runs:
        counts = {"gained": pair.gained, "lost": pair.lost, "items": pair.items, "p": pair.p}
        runs.append({"seed": seed, **counts, "difference": _estimate(pair.difference)})
    return {
        "first": one.first.label,
        "second": one.second.label,
        "student": one.student,
        "difference": None if one.difference is None else _estimate(one.difference),
        "p": None if one.weighed is None else one.weighed.p,
        "p_holm": one.adjusted,
        "family": one.family,
        "floor": _floor(one),
        "refused": one.refused or None,
        "of_arms": not (one.refused or one.environment),
        "not_of_arms": [reason(found) for found in one.environment],
        "mind": words.warnings(one, (), one.parity),
        "runs": runs,
        "differences": [_found(found) for found in one.differences],
        "stages": {"shared": one.shared, "first": one.stages[0], "second": one.stages[1]},
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    ends = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    return {**ends, "covers": estimate.covers}


def _found(found: Difference) -> dict[str, Any]:
    values = {"first": list(found.first), "second": list(found.second)}
    return {"topic": found.topic, "key": found.name, **values, "kinds": list(found.kinds)}
