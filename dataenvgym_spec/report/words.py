"""The sentences of the report.

What was measured and how sure it is, in the same words each time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, Final, Protocol

from dataenvgym_spec.core.foreign import clean
from dataenvgym_spec.records.experiment import Question, called
from dataenvgym_spec.report import asking, correcting
from dataenvgym_spec.report.text import (
    apart,
    count,
    p_value,
    percent,
    point_interval,
    points,
)
from dataenvgym_spec.results.curves import Curve
from dataenvgym_spec.results.evidence.amounts import Amount, Amounts
from dataenvgym_spec.results.evidence.choosing import Choosing
from dataenvgym_spec.results.evidence.components import Crossed
from dataenvgym_spec.results.evidence.contrasts import Comparison
from dataenvgym_spec.results.evidence.scores import Gain
from dataenvgym_spec.results.evidence.statistics import Estimate, Paired
from dataenvgym_spec.results.judging import Judging
from dataenvgym_spec.results.parity import Parity
from dataenvgym_spec.results.probes import Probed
from dataenvgym_spec.results.stamps import Stamp, between
from dataenvgym_spec.results.wording import DRAWN, NOT_SEEN, compared, covered, place

CHOSEN_HERE: Final = (
    "The best student was chosen by its score on these items, so that its score here is optimistic."
)


def stops(curves: Sequence[Curve]) -> str:
    """Which runs stopped early, and what that means; empty if none did."""
    stopped = [curve for curve in curves if curve.stopped is not None]
    if not stopped:
        return ""
    many = len({curve.seed for curve in curves}) > 1
    runs = "; ".join(_stop(curve, many=many) for curve in stopped)
    mean = " A mean over runs keeps a stopped run's last student." if many else ""
    why = "Selection scores decided when teaching ended there, and curves end with it."
    return f"Stopped on selection: {runs}. {why}{mean}"


def _stop(curve: Curve, *, many: bool) -> str:
    who = f"{curve.arm}, run seed {curve.seed}," if many else curve.arm
    return f"{who} after iteration {curve.stopped}"


def judged(judging: Judging) -> list[str]:
    """What became of answers that could not be judged; empty if there is nothing to say."""
    sentences = []
    if judging.skipped:
        draws = "; ".join(_skips(label, reasons) for label, reasons in judging.skipped)
        sentences.append(f"Rows of sources that gave no item: {draws}.")
    if judging.wrong_gold:
        draws = ", ".join(f"{number} ({label})" for label, number in judging.wrong_gold)
        sentences.append(f"Items left out because their own gold answer scores wrong: {draws}.")
    if judging.unreadable:
        causes = ", ".join(f"{number} {cause}" for cause, number in judging.unreadable)
        sentences.append(f"Answers that could not be judged and count as unreadable: {causes}.")
    return sentences


def _skips(label: str, reasons: Sequence[tuple[str, int]]) -> str:
    return f"{', '.join(f'{count(number)} {reason}' for reason, number in reasons)} ({label})"


def move(row: Mapping[str, Any]) -> str:
    """What the latest plan did to a skill, and what of it could not be done.

    Args:
        row: of `report.teaching.tree_rows`.
    """
    said = []
    if row["move"] is not None:
        said.append(_MOVES[row["move"]["kind"]](row["move"]))
    if row["missing"]:
        said.append(f"{count(row['missing'])} wanted names that nobody proposed")
    if row["cut"]:
        said.append(f"{count(row['cut'])} examples beyond what is taught")
    return "; ".join(said)


def _explored(move: Mapping[str, Any]) -> str:
    return f"explore {count(move['count'])} more, {count(move['allocation'])} each"


def _exploited(move: Mapping[str, Any]) -> str:
    delta = move["delta"]
    names = apart([clean(name) for name in delta], _LONGEST)
    pairs = zip(names, delta.values(), strict=True)
    changes = [f"{name} {number:+,}" for name, number in pairs if number]
    more = len(changes) - _MOST_CHANGES
    if more > 0:
        changes = [*changes[:_MOST_CHANGES], f"and {more} more"]
    return f"exploit: {', '.join(changes)}" if changes else "exploit, as before"


_MOVES: Final = {"explore": _explored, "exploit": _exploited}
_MOST_CHANGES: Final = 6
_LONGEST: Final = 40


def difference(contrast: Comparison) -> str:
    """A contrast in a sentence."""
    who = compared(contrast.question)
    value = points(contrast.difference.value)
    interval = point_interval(contrast.difference)
    return f"{who}: {value} points (95% interval {interval}). {evidence(contrast)}"


def unanswered(question: Question) -> str:
    """That no item is in a contrast."""
    part = ", ".join(clean(part) for part in question.part) or "both answered"
    return f"{compared(question)}: not answered, no item of {place(question)} is of it ({part})."


class Contrasting(Protocol):
    """Two students that are compared: by a declared contrast, or by `dataenvgym compare`."""

    @property
    def question(self) -> Question:
        """Which students they are, on which items."""

    @property
    def chosen(self) -> bool:
        """Whether one of them was chosen by its score on these items."""

    @property
    def amounts(self) -> Amounts | None:
        """What they were taught."""

    @property
    def runs(self) -> tuple[tuple[int, Paired], ...]:
        """The comparison in each run, by seed."""


def chosen_here(contrast: Contrasting) -> str:
    """That a student was chosen by the items that it is compared on; empty if none was."""
    return CHOSEN_HERE if contrast.chosen else ""


def amounts(contrast: Contrasting) -> str:
    """That the students of a contrast were taught unequal amounts; empty if they were not."""
    taught = contrast.amounts
    if taught is None or taught.equal:
        return ""
    first, second = _taught(taught.first), _taught(taught.second)
    means = ", on average over runs" if len(contrast.runs) > 1 else ""
    return f"The amounts are unequal: {first}, {second}{means}."


def _taught(taught: Amount) -> str:
    number = f"{count(taught.examples)} of {count(taught.asked)} examples asked for"
    return f"{taught.student} of {clean(taught.arm)} was taught {number}"


def circumstances(contrast: Contrasting, stamps: Sequence[Stamp]) -> str:
    """What else than the arms differs in a contrast; empty if nothing does."""
    rows = between(stamps, contrast.question.arm, contrast.question.against)
    if not rows:
        return ""
    kinds = "; ".join(f"{kind}: {', '.join(differing)}" for kind, differing in rows)
    # What logs say is foreign: somebody else's machine may have written them.
    return f"These arms did not run under the same circumstances ({clean(kinds)})."


def warnings(
    contrast: Contrasting, stamps: Sequence[Stamp], parity: Parity | None = None
) -> list[str]:
    """All that a reader of a contrast must mind, as sentences; empty if nothing."""
    said = [chosen_here(contrast), amounts(contrast), circumstances(contrast, stamps)]
    if parity is not None and parity.differing:
        said.append(asking.asked(parity))
    return [sentence for sentence in said if sentence]


def evidence(contrast: Comparison) -> str:
    """What a contrast rests on."""
    question, crossed = contrast.question, contrast.weighed.crossed
    items = f"{count(contrast.items)} {_ITEMS.get(question.split, 'items')}"
    p = p_values(contrast)
    replicates = contrast.weighed.replicates
    if replicates > 1:
        over = covered(contrast.difference)
        runs = f"Mean over {replicates} runs on {items} ({p}); the interval is over {over}."
        varies = _alone(contrast) if crossed is None else _components(contrast, crossed)
        return f"{runs} {varies}"
    _, pair = contrast.runs[0]
    first, second = question.arm, question.against
    if first == second:
        first, second = called(question.student), called(question.second)
    counts = f"{first} alone has {count(pair.gained)} right, {second} alone {count(pair.lost)}"
    over = f"the interval inverts this test, over {_over(contrast.difference)}"
    text = f"Of {items}, {counts} (McNemar {p}); {over}: {covered(contrast.difference)}."
    if len(contrast.runs) == 1:
        return text
    return f"All {len(contrast.runs)} runs gave the same differences, and count as one. {text}"


def p_values(contrast: Comparison) -> str:
    """The p value of a contrast, and the corrected one where there are several to correct for."""
    return correcting.p_values(contrast.weighed.p, contrast.adjusted, _family(contrast))


def _family(contrast: Comparison) -> str:
    """The contrasts that one is corrected with; empty if it stands alone."""
    return correcting.together(contrast.family, f"{_kind(contrast.question)} contrasts")


def _kind(question: Question) -> str:
    return "primary" if question.primary else "exploratory"


def _components(contrast: Comparison, crossed: Crossed) -> str:
    """What makes the mean vary, each with its part."""
    drawn = "items" if contrast.difference.covers == "items and seeds" else "clusters of items"
    beyond = f"beyond what their {drawn} make"
    if crossed.run_deviation is None:
        varies = f"Variance between runs {beyond} was {NOT_SEEN} in {crossed.runs} runs"
    else:
        spread = f"{100 * crossed.run_deviation:.1f} points"
        varies = f"Between runs it has a standard deviation of {spread} {beyond}"
    if crossed.unit_deviation is None:
        seen = crossed.run_deviation is not None
        varies += f", one between {drawn} was {NOT_SEEN}" if seen else f", nor one between {drawn}"
    parts = zip(crossed.shares, ("runs", drawn, "both together"), strict=True)
    shares = [f"{100 * share:.0f}% are {name}" for share, name in parts if share is not None]
    return f"{varies}; of the variance of the mean {', '.join(shares)}."


def _alone(contrast: Comparison) -> str:
    """That the runs share too little to say anything of other items."""
    one = "one item" if contrast.difference.covers == "items and seeds" else "one cluster of items"
    shared = one if contrast.items else "no item"
    return f"The runs share {shared}: that says nothing of others, and no difference is left out."


def verdict(contrast: Comparison) -> str:
    """What a contrast says of zero, before and after correction, and of its bounds."""
    said = [reading(contrast.difference)]
    taken = correcting.taken_back(contrast.weighed.p, contrast.adjusted, _family(contrast))
    if taken:
        said.append(taken)
    if contrast.equivalence is not None:
        kind = _kind(contrast.question)
        said.append(correcting.equivalent(contrast.equivalence, kind))
    return " ".join(said)


def zero(contrast: Comparison) -> str:
    """The same of zero in a few words, for the column of a table."""
    if _holds_zero(contrast.difference):
        return "included"
    taken = correcting.taken_back(contrast.weighed.p, contrast.adjusted, _family(contrast))
    return "left out, not once corrected" if taken else "left out"


_ITEMS: Final = {"test": "sealed test items", "selection": "selection items"}


def reading(estimate: Estimate) -> str:
    """What an interval of a difference says, without taking sides."""
    over = DRAWN[estimate.covers]
    if _holds_zero(estimate):
        return f"The interval includes zero: these {over} do not tell the two apart."
    return f"The interval leaves out zero: these {over} point to a difference of this sign."


def _holds_zero(estimate: Estimate) -> bool:
    return estimate.low <= 0 <= estimate.high


def _over(estimate: Estimate) -> str:
    """What would be drawn again, with its number where that is not the number of items."""
    over = DRAWN[estimate.covers]
    return f"{count(estimate.count)} {over} of items" if estimate.covers == "clusters" else over


def flips(gain: Gain) -> str:
    """What changed between the base and the best student of a run."""
    change = gain.paired.difference
    value, interval = points(change.value), point_interval(change)
    return f"{value} points ({interval}), McNemar {p_value(gain.paired.p)}"


def probed(probe: Probed, beside: str) -> str:
    """What teaching changed on another test set, in one arm.

    Args:
        probe: the test set.
        beside: the sentence on the noise floor that belongs to the change.
    """
    shares = [f"{one.student} {percent(one.accuracy.value)}" for one in probe.students]
    text = (
        f"On the test set {clean(probe.probe)}, {clean(probe.arm)} has {', '.join(shares)} right."
    )
    if probe.change is None:
        return text
    span = f"95% interval {point_interval(probe.change)}; {covered(probe.change)}"
    change = f"{points(probe.change.value)} points ({span})"
    fates = f"{count(probe.fixed)} answers fixed, {count(probe.broken)} broken"
    return f"{text} Best less base: {change}, {fates}. {beside}"


def chosen(selected: bool) -> str:
    """Which students are called best and last."""
    if not selected:
        return "The last student of each run is called best, too: nothing was selected."
    return (
        "Best is the iteration with the highest selection score, last is the final one; both were "
        "scored on the sealed test after they had been chosen."
    )


def optimism(choices: Sequence[Choosing]) -> str:
    """By how much scores on selection are too high where they chose; empty if none did."""
    arms: dict[str, list[Choosing]] = {}
    for choice in choices:
        arms.setdefault(choice.arm, []).append(choice)
    if not arms:
        return ""
    said = []
    for arm, mine in arms.items():
        high = 100 * fmean(choice.optimism for choice in mine)
        of = f"best of {mine[0].students} by {count(mine[0].items)} items"
        score = percent(fmean(choice.score for choice in mine))
        said.append(f"{high:.1f} points for {arm} ({of}, {score} there)")
    return (
        "A score that chooses is too high for what it chose. That of the best student on selection "
        f"is too high by about {', '.join(said)}; the sealed test is not touched by that."
    )


def ringed(selected: bool) -> str:
    """What the mark on a learning curve means."""
    if not selected:
        return "The last iteration of a run is ringed."
    return (
        "The best iteration of a run is ringed; it was chosen because it is highest here, so its "
        "height here is optimistic, and the sealed test above is not touched by that."
    )
