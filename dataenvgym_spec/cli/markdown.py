"""What a change means, as one text that a person or a program pastes into a pull request.

Whatever specs say stands in fences that it cannot end, so nobody is mentioned, nothing is linked
and no page is loaded; names outside of fences are those of experiments, which are plain words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from dataenvgym_spec.cli.common import plural
from dataenvgym_spec.cli.difference import lines
from dataenvgym_spec.core.errors import visible
from dataenvgym_spec.questions.diff import Difference
from dataenvgym_spec.questions.review import StudyChange

MARK: Final = "<!-- dataenvgym diff --markdown -->"
"""Begins the text, so that a program finds the comment that it wrote before."""
MOST_SHOWN: Final = 20
"""Experiments that are shown with what differs; the others are named."""
MOST_LINES: Final = 60
"""Lines of one experiment, or of errors."""
LONGEST: Final = 60_000
"""Characters; GitHub takes 65,536 for a comment."""
CONTINUED: Final = "\nThe rest is too long for a comment; see: `dataenvgym diff NAME@BASE`\n"


def text(
    base: str,
    changes: Sequence[StudyChange],
    costs: Mapping[str, Sequence[str]],
    unread: Mapping[str, str],
) -> str:
    """The text.

    Args:
        base: the revision that all is compared with.
        changes: the studies.
        costs: of experiments that change, what is known of the costs, in lines.
        unread: specs that could not be compared as they were, with the reasons.
    """
    items = [item for change in changes for item in change.differences]
    differing = [item for item in items if not item.equal]
    parts = [MARK, "### What this changes", _sums(items, base), ""]
    for item in differing[:MOST_SHOWN]:
        parts += _experiment(item, base, costs.get(_name(item), ()))
    for item in differing[MOST_SHOWN:]:
        parts.append(f"- `{_name(item)}`")
    if unread:
        parts.append(f"As they were at {_code(base)}, these specs cannot be read any more:")
        parts += _fenced(f"{path}: {reason}" for path, reason in unread.items())
    parts.append(
        "Files in `store/` and `experiments/` and entries of `dvc.yaml` follow from the specs; "
        "`dataenvgym compile --check` says whether they do."
    )
    whole = "\n".join(parts) + "\n"
    return whole if len(whole) <= LONGEST else _cut(whole)


def unreadable(errors: str) -> str:
    """The text where nobody can say what a change means: its specs have errors.

    Args:
        errors: what is wrong with them, in lines.
    """
    rows = errors.splitlines()
    shown = _fenced([*rows[:MOST_LINES], *_more(rows)])
    reason = "That is not known, since specs have errors, as `dataenvgym validate` says:"
    whole = "\n".join([MARK, "### What this changes", reason, "", *shown])
    return whole if len(whole) <= LONGEST else f"{MARK}\n{reason[:-1]}.\n"


def _more(rows: Sequence[str]) -> list[str]:
    """A line that says how many lines of an experiment or of errors are not shown."""
    left = len(rows) - MOST_LINES
    return [f"... and {plural(left, 'more line')}"] if left > 0 else []


def _sums(items: Sequence[Difference], base: str) -> str:
    new = sum(item.old is None for item in items)
    gone = sum(item.new is None for item in items)
    same = sum(item.equal for item in items)
    counts = {"changed": len(items) - new - gone - same, "new": new, "gone": gone, "the same": same}
    listed = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    if len(items) == same:
        return f"Nothing in meaning, against {_code(base)}: {plural(same, 'experiment')} as before."
    return f"Experiments, against {_code(base)}: **{listed}**."


def _name(item: Difference) -> str:
    return item.new or item.old or ""


def _experiment(item: Difference, base: str, costs: Sequence[str]) -> list[str]:
    """One experiment: a line that says it, and what differs, to be unfolded."""
    if item.new is None:
        return [f"- `{_name(item)}` is gone, with {plural(item.total, 'stage')}", ""]
    shown = lines(item, f"{base}:", "", several=False)
    changed = sum(change.count for change in item.stages if change.effect != "removed")
    what = f"{changed} of {plural(item.total, 'stage')} made anew"
    if item.old is None:
        what = f"new, with {plural(item.total, 'stage')}"
    head = f"<code>{_name(item)}</code>: {what}"
    inner = _fenced([*shown[:MOST_LINES], *_more(shown), *costs])
    return ["<details>", f"<summary>{head}</summary>", "", *inner, "</details>", ""]


def _fenced(rows: Iterable[str]) -> list[str]:
    """Lines in a fence that is longer than any that they hold."""
    content = [visible(row) for row in rows]
    longest = max(map(len, re.findall("`+", "\n".join(content))), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *content, fence, ""]


def _code(base: str) -> str:
    """A revision in code; one with a backtick, which no branch may have, is left out."""
    plain = re.fullmatch(r"[\w./~^@{}+-]{1,200}", base)
    return f"`{base}`" if plain else "the base"


def _cut(whole: str) -> str:
    """What fits, up to the end of an experiment."""
    room = LONGEST - len(CONTINUED)
    end = whole.rfind("</details>\n", 0, room)
    return whole[: end + len("</details>\n")] + CONTINUED if end >= 0 else MARK + CONTINUED
