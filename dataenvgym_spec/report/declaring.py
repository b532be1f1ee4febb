"""The words for when contrasts were declared, and for those that are declared no more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from dataenvgym_spec.core.foreign import clean
from dataenvgym_spec.records.experiment import Question
from dataenvgym_spec.results.declared import Declarations, Declared, Dropped
from dataenvgym_spec.results.wording import compared

_UNDATED: Final = {
    "not committed": "Not committed: nothing tells whether it was declared before its results.",
    "no git": "When it was declared is unknown: there is no git history here.",
}


def declared(since: Declared) -> str:
    """Since when a contrast is declared, and whether its results were there before."""
    if since.commit is None or since.when is None:
        return _UNDATED[since.known]
    commit = _commit(since.commit, since.when)
    if since.known == "shallow":
        return f"When it was declared is unknown: this clone is shallow, and ends with {commit}."
    if since.before is None:
        return f"Declared in {commit}."
    if since.before:
        return f"Declared in {commit}, before its first result."
    return f"Declared in {commit}, after its first result: it may have been chosen by that."


def _commit(commit: str, when: int) -> str:
    return f"{commit[:10]} ({datetime.fromtimestamp(when, tz=UTC).date().isoformat()})"


def no_more(told: Declarations) -> Iterator[tuple[str, bool]]:
    """Which contrasts are declared no more, in sentences, each with whether it is a warning."""
    for one in told.dropped:
        yield _dropped(one), one.before is not True
    for primary in (True, False):
        sentence = _counted(told, primary=primary)
        if sentence:
            yield sentence, True
    if told.ends is not None:
        which = f"this clone is shallow, and ends with {told.ends[:10]}"
        yield f"Which contrasts were left out earlier is unknown: {which}.", True


def caption(told: Declarations) -> str:
    """The same for the caption of a table; empty where nothing was left out."""
    return " ".join(sentence for sentence, _ in no_more(told))


def _dropped(one: Dropped) -> str:
    """A contrast that is declared no more, by which commit it came and by which it went."""
    who = clean(compared(one.question))
    came = "declared once"
    if one.since.commit is not None and one.since.when is not None:
        early = " or before" if one.since.known == "shallow" else ""
        came = f"declared in {_commit(one.since.commit, one.since.when)}{early}"
    went = "left out since, by no commit that is known"
    if one.commit is not None and one.when is not None:
        went = f"left out in {_commit(one.commit, one.when)}"
    what = f"{who} ({_kind(one.question)}) is declared no more: {came}, {went}"
    otherwise = " The two are still compared, but as another contrast." if one.otherwise else ""
    if one.before is None:
        return f"{what}; whether it had results then is not known.{otherwise}"
    if one.before:
        return f"{what}, before its first result.{otherwise}"
    return f"{what}, after its first result: it may have been left out for that.{otherwise}"


def _kind(question: Question) -> str:
    kind = "primary" if question.primary else "exploratory"
    bound = question.equivalence
    return kind if bound is None else f"{kind}, equivalence within ±{bound:g} points"


def _counted(told: Declarations, *, primary: bool) -> str:
    """That p values are not corrected for what was left out; empty where nobody chose by that."""
    stand = sum(one.primary is primary for one in told.standing)
    more = 0
    for one in told.dropped:
        chosen = one.before is not True and not one.otherwise
        more += chosen and one.question.primary is primary
    if not more or not stand:
        return ""
    kind = "primary" if primary else "exploratory"
    return (
        f"The p values of {kind} contrasts are corrected for the {stand} declared now; with those "
        f"left out with results in view there are {stand + more}."
    )


def record(since: Declared) -> dict[str, Any]:
    """The commit that introduced a contrast, and whether it is older than its first result."""
    row: dict[str, Any] = {"known": since.known, **_place(since.commit, since.when)}
    if since.before is not None:
        row["before_results"] = since.before
    return row


def records(told: Declarations) -> list[dict[str, Any]]:
    """The contrasts that are declared no more, as plain data; what is not known is null."""
    rows = []
    for one in told.dropped:
        left_out = {**_place(one.commit, one.when), "before_results": one.before}
        row = {
            "contrast": one.question.title,
            "primary": one.question.primary,
            "equivalence": one.question.equivalence,
            "declared": record(one.since),
            "left_out": left_out,
            "compared_otherwise": one.otherwise,
        }
        rows.append(row)
    return rows


def history(told: Declarations) -> dict[str, Any]:
    """What a history says beside what is declared; empty where that is nothing."""
    found: dict[str, Any] = {"contrasts_left_out": records(told)} if told.dropped else {}
    return found if told.ends is None else {**found, "history_ends": told.ends}


def _place(commit: str | None, when: int | None) -> dict[str, str]:
    if commit is None or when is None:
        return {}
    return {"commit": commit, "when": datetime.fromtimestamp(when, tz=UTC).isoformat()}
