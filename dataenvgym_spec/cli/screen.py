"""A run on a screen: what runs where and for how long, what is next, what is left. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from dataenvgym_spec.cli.common import fitting, plural
from dataenvgym_spec.core.errors import visible
from dataenvgym_spec.core.text import clock, duration_text
from dataenvgym_spec.records.run_state import RunningWork, RunState, WaitingWork

if TYPE_CHECKING:
    from rich.console import Group
    from rich.text import Text

ENDING: Final = "what runs; what it has made is kept; Ctrl-C again ends it at once"
MOST_RUNNING: Final = 12
"""Works that run and have a line of their own."""
MOST_QUEUED: Final = 4
"""Works that wait on a cluster and have a line of their own."""
MOST_WAITING: Final = 3
MOST_FAILED: Final = 4
BAR: Final = 24
"""The width of the bar in characters."""
NARROW: Final = 60
"""A screen with less room than this shows no bar."""
OVERDUE: Final = 1.5
"""From this many times the expected seconds, no end is foretold."""


def screen(state: RunState, now: float, width: int) -> Group:
    """The whole screen.

    Args:
        state: of the run.
        now: seconds since the epoch.
        width: of the screen, in characters.
    """
    from rich.console import Group
    from rich.text import Text

    rows = [_head(state, now, width), *_running(state, now, width), *_queued(state, now, width)]
    rows += _waiting(state, width)
    if state.ending and not state.ended:
        rows.append(Text(f"   ending  {ENDING}", style="yellow"))
    return Group(*rows, *_failed(state, width))


def _head(state: RunState, now: float, width: int) -> Text:
    """Name, bar, counts, money and time."""
    from rich.text import Text

    facts = head_facts(state, now)
    room = width - len(facts) - 3 - (BAR + 2 if width >= NARROW else 0)
    line = Text()
    line.append(fitting(", ".join(state.names), max(8, room)), style="bold")
    line.append("  ")
    if width >= NARROW:
        line.append_text(_bar(state))
        line.append("  ")
    line.append(facts)
    return line


def head_facts(state: RunState, now: float) -> str:
    """Counts, money and time in words."""
    facts = [f"{state.done}/{state.total}"]
    if state.usd:
        # What some have cost is known when they end.
        facts.append(f"{state.usd:.2f}{'+' if state.unpriced else ''} USD")
    elif state.unpriced:
        facts.append("USD not known yet")
    if state.ended or state.seconds_left is None:
        facts.append(clock((state.updated if state.ended else now) - state.started))
    else:
        left = max(0.0, state.seconds_left - (now - state.updated))
        facts.append(f"about {duration_text(left)} left" if left >= 1 else "almost done")
    return "  ".join(facts)


def _bar(state: RunState) -> Text:
    """What was done before, what is done now, what runs, and what is left."""
    from rich.text import Text

    total = max(1, state.total)
    failed = len(state.failed) + state.skipped
    parts = (
        (state.before, "green dim"),
        (state.done - state.before, "green"),
        (_count(state.running, state.all_running), "cyan"),
        (failed, "red"),
    )
    bar, ends, drawn = Text(), 0, 0
    for count, style in parts:
        ends += count
        length = round(BAR * ends / total) - drawn
        bar.append("━" * length, style=style)
        drawn += length
    bar.append("─" * (BAR - drawn), style="bright_black")
    return bar


def _running(state: RunState, now: float, width: int) -> Iterator[Text]:
    from rich.text import Text

    shown = state.running[:MOST_RUNNING]
    names = [visible(one.place) for one in shown]
    places = max(map(len, names), default=0)
    for one, name in zip(shown, names, strict=True):
        taken, expected = running_times(one, now)
        place = f"{name:{places}}  " if places else ""
        room = width - len(taken) - len(place) - len(expected) - 7
        line = Text("  ")
        line.append(taken.rjust(7), style="cyan")
        line.append(f"  {place}", style="bright_black")
        line.append(fitting(one.title, max(12, room)).ljust(max(0, room)))
        line.append(expected, style="bright_black")
        yield line
    more = _count(state.running, state.all_running) - len(shown)
    if more > 0:
        yield Text(f"           and {more} more that run", style="bright_black")


def _queued(state: RunState, now: float, width: int) -> Iterator[Text]:
    """What waits on a cluster, and for what."""
    from rich.text import Text

    shown = state.queued[:MOST_QUEUED]
    reasons = [_reason(one, now) for one in shown]
    for one, reason in zip(shown, reasons, strict=True):
        room = width - min(len(reason), width // 2) - 13
        line = Text("  ")
        line.append("waits".rjust(7), style="yellow")
        line.append(f"  {fitting(one.title, max(12, room)).ljust(max(0, room))}  ")
        line.append(fitting(reason, max(8, width - len(line))), style="bright_black")
        yield line
    more = _count(state.queued, state.all_queued) - len(shown)
    if more > 0:
        yield Text(f"           and {more} more that wait", style="bright_black")


def _reason(one: WaitingWork, now: float) -> str:
    return f"{visible(one.reason)}, {clock(max(0.0, now - one.since))}"


def _count(listed: Sequence[object], known: int) -> int:
    """How many there are: not all are listed."""
    return max(len(listed), known)


def running_times(one: RunningWork, now: float) -> tuple[str, str]:
    """For how long a work has been running, and of how long; the latter only if that may hold."""
    seconds = max(0.0, now - one.started)
    foretold = one.expected >= 1 and seconds < one.expected * OVERDUE
    return clock(seconds), f"  of ~{clock(one.expected)}" if foretold else ""


def _waiting(state: RunState, width: int) -> Iterator[Text]:
    from rich.text import Text

    for number, title in enumerate(state.waiting[:MOST_WAITING]):
        label = "next" if number == 0 else ""
        yield Text(f"  {label:>7}  {fitting(title, width - 12)}", style="bright_black")
    started = _count(state.running, state.all_running) + _count(state.queued, state.all_queued)
    left = state.total - state.done - state.skipped - len(state.failed) - started
    more = left - min(len(state.waiting), MOST_WAITING)
    if more > 0 and state.waiting:
        yield Text(f"           and {plural(more, 'step')} after that", style="bright_black")


def _failed(state: RunState, width: int) -> Iterator[Text]:
    from rich.text import Text

    for one in state.failed[:MOST_FAILED]:
        message = one.message.partition("\n")[0].removeprefix("error: ")
        line = Text("   failed  ", style="red")
        where = f" on {one.place}" if one.place else ""
        line.append(fitting(f"{one.title}{where}: {message}", width - 12))
        yield line
    if len(state.failed) > MOST_FAILED or state.skipped:
        more = len(state.failed) - MOST_FAILED
        told = [f"{more} more failed"] if more > 0 else []
        if state.skipped:
            told.append(f"{plural(state.skipped, 'step')} not started for it")
        yield Text(f"           {', '.join(told)}", style="bright_black")
