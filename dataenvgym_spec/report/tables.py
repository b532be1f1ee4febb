"""What the report says of teaching, as tables for people: on the page and in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, Final

from dataenvgym_spec.core.foreign import clean
from dataenvgym_spec.report import teaching
from dataenvgym_spec.report.text import amount, count, duration, percent, points, shorten
from dataenvgym_spec.report.words import move
from dataenvgym_spec.results.accounts import TurnAccount
from dataenvgym_spec.results.fates import IterationFates
from dataenvgym_spec.results.teachings import Allocations, GrownTree, Reason
from dataenvgym_spec.results.trainings import Training
from dataenvgym_spec.results.wording import REWARDS

Row = Mapping[str, Any]

MOST_SKILLS: Final = 40
MOST_SUBSKILLS: Final = 30
"""What a table shows of a tree; the rest is counted, and `--json` has all."""
MOST_ROWS: Final = 200
"""Rows of amounts that a table shows of an arm."""
SHARED: Final = "shared by arms"
OUTSIDE: Final = "outside"
"""What is called so belongs to no iteration: draws, selection, the sealed test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of a table.

    Attributes:
        cells: texts, as many as the table has columns.
        whole: whether it stands for the rows below it, or for all.
        inner: whether it is a part of the one above it.
    """

    cells: tuple[str, ...]
    whole: bool = False
    inner: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTable:
    """A table of texts.

    Attributes:
        title: what it shows.
        head: the names of the columns; that of a number begins with '#'.
        arm: whose it is, if it is of one arm.
        note: what is to be known of it; may be empty.
    """

    title: str
    head: tuple[str, ...]
    lines: tuple[Line, ...]
    arm: str = ""
    note: str = ""

    def full(self) -> TextTable:
        """The table without the columns in which nothing stands."""
        kept = []
        for number in range(len(self.head)):
            if number == 0 or any(line.cells[number] for line in self.lines):
                kept.append(number)
        head = tuple(self.head[number] for number in kept)
        lines = []
        for line in self.lines:
            cells = tuple(line.cells[number] for number in kept)
            lines.append(replace(line, cells=cells))
        return replace(self, head=head, lines=tuple(lines))


TREE: Final = (
    *("skill and its subskills", "#allocation", "#asked for", "#accepted", "#asked in all"),
    *("#new in plan", "#right", "#95% interval", "#items", "#reward", "last move"),
)


def tree_tables(trees: Sequence[GrownTree]) -> tuple[TextTable, ...]:
    """A table for each arm with skill trees and each iteration, of the arm's first run."""
    rows = teaching.tree_rows(trees)
    tables = []
    for (arm, iteration), mine in groupby(rows, key=itemgetter("arm", "iteration")):
        tables.append(_tree_table(arm, iteration, list(mine)))
    return tuple(tables)


def _tree_table(arm: str, iteration: int, rows: Sequence[Row]) -> TextTable:
    subskills = sum(len(row["subskills"]) for row in rows)
    asked, accepted = (sum(row[name] for row in rows) for name in ("asked", "accepted"))
    size = f"{len(rows)} skills, {count(subskills)} subskills"
    title = f"Iteration {iteration}: {size}; {count(asked)} asked for, {count(accepted)} accepted"
    lines: list[Line] = []
    for row in rows[:MOST_SKILLS]:
        lines += _branch(row)
    left = len(rows) - MOST_SKILLS
    notes = [f"{left} further skills are not shown."] if left > 0 else []
    if any(row["reward"] is not None for row in rows):
        notes.append(REWARDS)
    return TextTable(
        title=title,
        head=TREE,
        lines=tuple(lines),
        arm=arm,
        note=" ".join(notes),
    ).full()


def _branch(row: Row) -> list[Line]:
    """A skill and its subskills."""
    measured = "accuracy" in row
    reward = row["reward"]
    cells = (
        *(clean(row["skill"]), *_amounts(row), ""),
        percent(row["accuracy"]) if measured else "",
        f"{100 * row['ci_low']:.1f} to {100 * row['ci_high']:.1f}%" if measured else "",
        count(row["items"]) if measured else "",
        points(reward) if reward is not None else "",
        move(row),
    )
    lines = [Line(cells=cells, whole=True)]
    for subskill in row["subskills"][:MOST_SUBSKILLS]:
        own = (clean(subskill["subskill"]), *_amounts(subskill), str(subskill["added"]))
        lines.append(Line(cells=(*own, *[""] * (len(TREE) - len(own))), inner=True))
    left = len(row["subskills"]) - MOST_SUBSKILLS
    if left > 0:
        more = f"and {left} further subskills"
        lines.append(Line(cells=(more, *[""] * (len(TREE) - 1)), inner=True))
    return lines


def _amounts(row: Row) -> tuple[str, ...]:
    names = ("allocation", "asked", "accepted", "requested")
    return tuple(count(row[name]) for name in names)


def allocation_tables(allocations: Sequence[Allocations]) -> tuple[TextTable, ...]:
    """A table for each arm: accepted examples by what was asked for, and iteration."""
    tables = []
    for one in allocations:
        lines = []
        for row in one.rows[:MOST_ROWS]:
            about = row.skill if row.subskill is None else f"{row.skill} / {row.subskill}"
            cells = [clean(about)]
            for amounts in row.amounts:
                cells.append("" if amounts is None else amount(amounts.accepted, amounts.asked))
            lines.append(Line(cells=tuple(cells)))
        left = len(one.rows) - MOST_ROWS
        table = TextTable(
            title="Examples accepted, of those asked for, by iteration",
            head=("about", *(f"#{number}" for number in one.iterations)),
            lines=tuple(lines),
            arm=one.arm,
            note=f"{left} further rows are not shown." if left > 0 else "",
        )
        tables.append(table)
    return tuple(tables)


def reason_tables(reasons: Sequence[Reason]) -> tuple[TextTable, ...]:
    """A table for each arm whose agent says why, of its first run."""
    tables = []
    for arm, of_arm in groupby(reasons, key=attrgetter("arm")):
        mine = list(of_arm)
        lines = []
        for one in mine[:MOST_ROWS]:
            cells = (str(one.iteration), clean(one.skill), count(one.asked))
            lines.append(Line(cells=(*cells, shorten(clean(one.reason), 600))))
        left = len(mine) - MOST_ROWS
        table = TextTable(
            title="The agent's reasons",
            head=("iteration", "about", "#asked for", "why"),
            lines=tuple(lines),
            arm=arm,
            note=f"{left} further rows are not shown." if left > 0 else "",
        )
        tables.append(table)
    return tuple(tables)


def yield_table(yields: Sequence[IterationFates]) -> TextTable:
    """One line an arm and iteration: how many candidates were left after each check."""
    rows = teaching.yield_rows(yields)
    checks: dict[str, None] = {}
    for row in rows:
        checks.update(dict.fromkeys(step["check"] for step in row["checks"]))
    names = tuple(f"#after {clean(check)}" for check in checks)
    lines = []
    for row in rows:
        steps = {step["check"]: step for step in row["checks"]}
        left = [_left(steps[check]) if check in steps else "" for check in checks]
        begin = [row["arm"], str(row["iteration"]), count(row["requested"])]
        begin += [count(row["candidates"]), count(row["judged"])]
        share = percent(row["accepted"] / row["judged"]) if row["judged"] else ""
        lines.append(Line(cells=(*begin, *left, count(row["accepted"]), share)))
    head = ("arm", "#iteration", "#asked for", "#candidates", "#judged", *names)
    return TextTable(
        title="From what was asked for to what was accepted",
        head=(*head, "#accepted", "#of judged"),
        lines=tuple(lines),
    )


def _left(step: Row) -> str:
    """How many are left after a check, how many it rejected, and how many it only noted."""
    text = count(step["left"])
    if step["rejected"]:
        text += f" (-{count(step['rejected'])})"
    if step["noted"]:
        text += f" ({count(step['noted'])} noted)"
    return text


TRAINED: Final = (
    *("arm", "#run seed", "#iteration", "#steps", "#loss", "#reward", "#preferred", "#KL"),
    *("#pairs", "#answers judged"),
)


def training_table(trainings: Sequence[Training]) -> TextTable | None:
    """One line a training: its first and its last loss and reward; None where there is none."""
    lines = []
    for one in trainings[:MOST_ROWS]:
        first, last = one.curve[0], one.curve[-1]
        place = (one.arm, str(one.seed), str(one.iteration), count(last.step))
        curve = (_change(first.loss, last.loss), _change(first.reward, last.reward))
        preferred = "" if last.preferred is None else percent(last.preferred)
        moved = "" if last.kl is None else f"{last.kl:.3g}"
        amounts = (_number(one.pairs), _number(one.sampled))
        lines.append(Line(cells=(*place, *curve, preferred, moved, *amounts)))
    left = len(trainings) - len(lines)
    note = f"{left} further trainings are not shown." if left > 0 else ""
    table = TextTable(title="How trainings went", head=TRAINED, lines=tuple(lines), note=note)
    return table.full() if lines else None


def _change(first: float | None, last: float | None) -> str:
    """From one number to another; empty where either is none."""
    return "" if first is None or last is None else f"{first:.3g} to {last:.3g}"


SPENT: Final = (
    *("arm", "#iteration", "#stages", "#time", "#GPU time", "#prompt tokens", "#cached"),
    *("#generated tokens", "#trained tokens", "#requests", "#made again", "#reused"),
    *("#images", "#USD"),
)
GIVEN: Final = (
    *("arm", "#iteration", "#asked for", "#parsed", "#accepted"),
    *("not accepted", "calls of engines"),
)


def ledger_tables(accounts: Sequence[TurnAccount]) -> tuple[TextTable, ...]:
    """One line an arm and iteration: what it took, and what came of it."""
    rows = teaching.ledger_rows(accounts)
    spent, given = [], []
    for row in rows:
        iteration = OUTSIDE if row["iteration"] is None else str(row["iteration"])
        place = (row["arm"] or SHARED, iteration)
        spent.append(Line(cells=(*place, *_spent(row))))
        if row.get("requested") or row.get("candidates"):
            given.append(Line(cells=(*place, *_given(row))))
    total = teaching.total_row(accounts)
    spent.append(Line(cells=("all", "", *_spent(total)), whole=True))
    given.append(Line(cells=("all", "", *_given(total)), whole=True))
    tables = [TextTable(title="What it took", head=SPENT, lines=tuple(spent)).full()]
    if len(given) > 1:
        table = TextTable(title="What came of it", head=GIVEN, lines=tuple(given))
        tables.append(table.full())
    return tuple(tables) if rows else ()


def _spent(row: Row) -> list[str]:
    tokens = row["tokens"]
    cells = [count(row["stages"]), duration(row["seconds"])]
    cells.append(duration(row["gpu_seconds"]) if row.get("gpu_seconds") else "")
    cells += [_number(tokens.get(name)) for name in ("prompt", "cached", "generated", "trained")]
    cells += [_number(row.get(name)) for name in ("requests", "retries", "reused", "images")]
    cells.append(f"{row['usd']:.2f}" if row.get("usd") else "")
    return cells


def _given(row: Row) -> list[str]:
    cells = [_number(row.get(name)) for name in ("requested", "candidates", "accepted")]
    return [*cells, _counts(row.get("rejected")), _counts(row.get("calls"))]


def _number(value: float | None) -> str:
    return count(value) if value else ""


def _counts(counts: Mapping[str, int] | None) -> str:
    """Numbers by name in words."""
    pairs: Iterable[tuple[str, int]] = (counts or {}).items()
    return ", ".join(f"{count(number)} {clean(name)}" for name, number in pairs)
