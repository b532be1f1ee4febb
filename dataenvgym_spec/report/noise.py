"""What the report says of the noise floor: sentences, a table, and plain data.

A difference is shown with its floor, or with the words that it was not measured: `floor_of` in a
sentence, `cell` in a table, `plain` in a file.
"""

from __future__ import annotations

from typing import Any, Final

from dataenvgym_spec.records.experiment import Question
from dataenvgym_spec.report.tables import Line, TextTable
from dataenvgym_spec.report.text import count, percent, points
from dataenvgym_spec.results.evidence.contrasts import Weighed
from dataenvgym_spec.results.evidence.floor import Floor, Part, Spread
from dataenvgym_spec.results.evidence.statistics import Paired
from dataenvgym_spec.results.noise import UNKNOWN, beside, of_change, within
from dataenvgym_spec.results.skill_gains import TaughtSkill

NOT_MEASURED: Final = f"Noise floor: {UNKNOWN}."
HEADING: Final = "#noise floor"
_ELSEWHERE: Final = (
    "On fewer items than these it is wider, by the root of how many fewer; of other test sets it "
    "is not measured."
)
_SORTS: Final = {"reevaluate": "evaluated again", "retrain": "trained again"}
_HEAD: Final = (
    *("the student was", "#times", "#its own", "#standard deviation", "#from", "#to"),
    "#answers that moved",
)


def floor_of(
    floor: Floor | None, question: Question, weighed: Weighed, *, again: bool = False
) -> str:
    """The noise floor beside a contrast.

    Args:
        floor: as it was measured.
        question: the contrast.
        weighed: what it came to.
        again: whether a floor of this study was explained before.
    """
    width = beside(floor, question, weighed)
    return _within(floor, width, weighed.difference.value, weighed.replicates, again=again)


def in_run(floor: Floor | None, question: Question, pair: Paired) -> float | None:
    """What a contrast in a single run stays within by chance alone; None if unknown."""
    return within(floor, question, items=pair.items)


def of_skill(floor: Floor | None, taught: TaughtSkill) -> float | None:
    """What teaching changed in a skill of an arm stays within by chance alone; None if unknown."""
    part = None if floor is None else floor.of_part(Part(arm=taught.arm, skill=taught.skill))
    runs = 1 if taught.change is None else taught.change.replicates
    return of_change(part, taught.arm, items=taught.items, runs=runs)


def cell(width: float | None) -> str:
    """The noise floor in points, in a table beside the difference that it is of.

    >>> cell(0.032), cell(None)
    ('3.2', 'not measured')
    """
    return UNKNOWN if width is None else _size(width)


def plain(width: float | None, digits: int = 6) -> float | str:
    """The same for programs, as a share.

    >>> plain(0.0321234567), plain(None)
    (0.032123, 'not measured')
    """
    return UNKNOWN if width is None else round(width, digits)


def _within(
    floor: Floor | None, width: float | None, value: float, runs: int, *, again: bool = False
) -> str:
    if floor is None or width is None:
        return NOT_MEASURED
    if not width:
        return f"Noise floor: {_size(width)} points; {_equal(floor)}."
    side = "beyond" if abs(value) > width else "within"
    what = f"a mean over {runs} runs" if runs > 1 else "a difference"
    chance = f" ({what} that is chance alone stays within it in 95 of 100 cases)"
    return f"Noise floor: {_size(width)} points{'' if again else chance}; this one is {side} it."


def _equal(floor: Floor) -> str:
    return f"varied were {_listed(floor.varied)}, and scores were equal"


def _size(width: float) -> str:
    return points(width).lstrip("+")


def whose(floor: Floor) -> str:
    """Which student was copied, and what was varied and what was not."""
    student = f"the student of iteration {floor.iteration}" if floor.iteration else "the base"
    split = "selection" if floor.split == "selection" else "sealed test"
    of = f"{student} of {floor.arm} (run seed {floor.seed}) on {count(floor.items)} {split} items"
    text = f"The noise floor is measured by salted copies of {of}."
    if floor.missing:
        text += f" {count(floor.missing)} copies are not there, or had nothing to learn."
    return f"{text} {sources(floor)} {_ELSEWHERE}"


def sources(floor: Floor) -> str:
    """Which sources of noise were varied, and that others are not measured."""
    varied = f"Varied: {_listed(floor.varied)}. " if floor.varied else ""
    return f"{varied}Not measured: {_listed(floor.not_measured)}."


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names)


def spread_sentence(floor: Floor) -> str:
    """How scores of copies varied, in a line."""
    parts = []
    for name, words in _SORTS.items():
        spread: Spread | None = getattr(floor, name)
        if spread is not None:
            ends = f"{points(spread.low)} to {points(spread.high)}"
            times = f"{words} {spread.n} {'times' if spread.n > 1 else 'time'}"
            parts.append(f"{times}, its score varied by {_size(spread.sd)} points ({ends})")
        else:
            parts.append(f"{words}: not measured")
    return f"{'; '.join(parts)}.".capitalize()


def table(floor: Floor) -> TextTable:
    """One line a sort of copies."""
    lines = []
    for name, words in _SORTS.items():
        spread: Spread | None = getattr(floor, name)
        if spread is None:
            lines.append(Line(cells=(words, "", "", "not measured", "", "", "")))
            continue
        moved = sum(spread.moved) / spread.n
        ends = (points(spread.low), points(spread.high))
        own = (str(spread.n), percent(spread.own), f"{_size(spread.sd)} points")
        lines.append(Line(cells=(words, *own, *ends, percent(moved))))
    return TextTable(title="Noise floor", head=_HEAD, lines=tuple(lines), note=whose(floor))


def record(floor: Floor) -> dict[str, Any]:
    """The noise floor as plain data; what was not measured is null."""
    row: dict[str, Any] = {
        "arm": floor.arm,
        "seed": floor.seed,
        "iteration": floor.iteration,
        "split": floor.split,
        "items": floor.items,
        "varied": list(floor.varied),
        "not_measured": list(floor.not_measured),
    }
    for name in _SORTS:
        spread: Spread | None = getattr(floor, name)
        row[name] = None if spread is None else _spread(spread)
    if floor.missing:
        row["missing"] = floor.missing
    return row


def _spread(spread: Spread) -> dict[str, Any]:
    return {
        "copies": spread.n,
        "own": round(spread.own, 6),
        "deviation": round(spread.sd, 6),
        "low": round(spread.low, 6),
        "high": round(spread.high, 6),
        "moved": [round(share, 6) for share in spread.moved],
    }
